"""Tables, figures, pages, model cards."""
