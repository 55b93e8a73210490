"""`python -m medical_transformer`: the same as `medtrans`, where its script is not on the path."""

from medical_transformer.cli import main

if __name__ == "__main__":
    main()
