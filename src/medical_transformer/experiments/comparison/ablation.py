"""Which two methods Table 5 sets side by side: the paper's network with and without its transformer."""

from medical_transformer.evaluation import Ablation
from medical_transformer.experiments.comparison.config import ComparisonConfig, NetworkMethod
from medical_transformer.experiments.config import BackboneConfig


def ablation_of(config: ComparisonConfig) -> Ablation | None:
    """Return the first network without transformer, and the one with it that otherwise is most like it.

    Alike in how they start, in the head and in their training settings, in this order; of two that are as much alike
    the reference comes first. Where they do not start alike, the difference is not the transformer's alone, and the
    table says so.
    """
    networks = {name: one for name, one in config.methods.items() if isinstance(one, NetworkMethod)}
    papers = {name: one for name, one in networks.items() if one.backbone.name == BackboneConfig().name}
    without = next((name for name, one in papers.items() if _layers(one) == 0), None)
    others = [name for name, one in papers.items() if _layers(one) != 0]
    if without is None or not others:
        return None
    its = _traits(papers[without])

    def likeness(name: str) -> tuple[bool, ...]:
        return (*(mine == own for mine, own in zip(_traits(papers[name]), its, strict=True)), name == config.reference)

    best = max(others, key=likeness)
    return Ablation(complete=best, without=without, alike=_traits(papers[best]) == its)


def _layers(method: NetworkMethod) -> object:
    return method.backbone.settings.get("layers")


def _traits(method: NetworkMethod) -> tuple[object, ...]:
    """Return what two methods must have in common; of a pre-trained start only that it is one, since weights differ."""
    pretrained = method.encoder is not None or method.pretraining is not None
    return pretrained, method.head, dict(method.training)
