"""Taking a part of a cohort by what is known about its scans: `age_years>=13`, `diagnosis=control`."""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

from medical_transformer.cohorts.dropping import Drop, without
from medical_transformer.cohorts.indexed import Indexed, counted, listing
from medical_transformer.cohorts.ledger import Verdict
from medical_transformer.cohorts.raw_table import as_number
from medical_transformer.cohorts.scan import Scan
from medical_transformer.errors import CohortError

CONDITION = re.compile(r"^\s*(?P<label>\w+)\s*(?P<sign>>=|<=|!=|=|>|<)\s*(?P<value>.+?)\s*$")
# How the reason of a scan begins that was not asked for.
LEFT_OUT = "Left out:"
COMPARED: Mapping[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison of a label, or of the session, the site or the subject.

    Attributes:
        label: what is compared.
        sign: `>=`, `<=`, `>`, `<`, `=` or `!=`.
        value: with what; `=` and `!=` take several values, separated by commas.
    """

    label: str
    sign: str
    value: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a condition.

        Raises:
            CohortError: if it is no comparison, or compares the size of something that is no number.
        """
        found = CONDITION.match(text)
        if found is None:
            raise CohortError(f"The condition {text!r} is no comparison; write age_years>=13 or diagnosis=CN,MCI.")
        if found["sign"] in COMPARED and as_number(found["value"]) is None:
            raise CohortError(f"The condition {text!r} compares with {found['value']!r}, which is no number.")
        return cls(**found.groupdict())

    def __str__(self) -> str:
        return f"{self.label}{self.sign}{self.value}"

    @property
    def values(self) -> list[str]:
        """The values that are named."""
        return [value.strip() for value in self.value.split(",")]

    @property
    def wanted(self) -> str:
        """How a sentence goes on that names another value: `, not >=13`, `, not one of CN, MCI`; of `!=` nothing."""
        if self.sign == "!=":
            return ""
        if self.sign == "=":
            return f", not {'one of ' if len(self.values) > 1 else ''}{', '.join(self.values)}"
        return f", not {self.sign}{self.value}"

    def said(self, scan: Scan) -> float | str | None:
        """Return what is known of a scan under this label."""
        if self.label in ("session", "site", "subject"):
            return getattr(scan, self.label) or None
        return scan.labels.get(self.label)

    def holds(self, said: float | str) -> bool:
        """Tell whether the condition holds for what is known."""
        if self.sign in COMPARED:
            number = said if isinstance(said, float) else as_number(str(said))
            return number is not None and COMPARED[self.sign](number, as_number(self.value) or 0.0)
        equal = any(said == (as_number(value) if isinstance(said, float) else value) for value in self.values)
        return equal == (self.sign == "=")


def select(indexed: Indexed, conditions: Sequence[Condition], *, unknown_too: bool) -> Indexed:
    """Keep the scans for which all conditions hold.

    Args:
        indexed: what was indexed.
        conditions: what must hold.
        unknown_too: whether a scan is kept of which a label is not known.

    Raises:
        CohortError: if a condition is about a label that no scan has, or none meets them; the message names the
            labels or values that exist.
    """
    known = {"session", "site", "subject", *indexed.cohort.label_names}
    absent = [condition.label for condition in conditions if condition.label not in known]
    if absent and not unknown_too:
        raise CohortError(f"No scan has a label {absent[0]!r}; there are: {', '.join(sorted(known))}.")
    reasons = {scan.name: _why_not(scan, conditions, unknown_too) for scan in indexed.cohort.scans}
    dropped = {name: Drop(Verdict.SKIPPED, reason) for name, reason in reasons.items() if reason}
    if not dropped:
        return indexed
    asked = " and ".join(map(str, conditions))
    if len(dropped) == len(reasons) and not unknown_too:
        raise CohortError(f"Of {counted(reasons, 'scan')} none meets {asked}. {_values(indexed, conditions)}")
    unknown = sum("is not known" in drop.reason for drop in dropped.values())
    told = f" ({unknown} of which it is not known)" if unknown else ""
    note = f"Left out by {asked}: {len(dropped)} of {counted(reasons, 'usable scan')}{told}."
    return replace(without(indexed, dropped), notes=(*indexed.notes, note))


def _values(indexed: Indexed, conditions: Sequence[Condition]) -> str:
    """Say what the scans have under the labels of some conditions."""
    sentences = []
    for label, found in ((one.label, {one.said(scan) for scan in indexed.cohort.scans} - {None}) for one in conditions):
        words = sorted(f"{said:g}" if isinstance(said, float) else str(said) for said in found)
        sentences.append(f"Their {label}: {listing(words, 8)}.")
    return " ".join(sentences)


def _why_not(scan: Scan, conditions: Sequence[Condition], unknown_too: bool) -> str:
    for condition in conditions:
        said = condition.said(scan)
        if said is None and not unknown_too:
            return f"{LEFT_OUT} {condition.label} is not known, so {condition} cannot be told."
        if said is not None and not condition.holds(said):
            shown = f"{said:g}" if isinstance(said, float) else said
            return f"{LEFT_OUT} {condition.label} is {shown}{condition.wanted}."
    return ""
