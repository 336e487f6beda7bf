"""Working on a case: its facts, its bundle, one's own judgement, the decision, and taking it back."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from firstlight.casework import casebook, drafting, exposure, holds, linking, opinions, review, routing, undo
from firstlight.casework.opinions import Impression
from firstlight.casework.review import Conclusion, Finding
from firstlight.errors import FirstlightError, InputError
from firstlight.web.access.policy import Permission, may
from firstlight.web.callers import Caller, ThePages, TheService, require
from firstlight.web.console import choices
from firstlight.web.console.numbers import LARGEST, Number, numbers_in
from firstlight.web.forms import Refused, about, refused_in
from firstlight.web.service import Service

router = APIRouter()
Reader = Annotated[Caller, Depends(require(Permission.CASES_READ))]
Reviewer = Annotated[Caller, Depends(require(Permission.DECIDE))]
Custodian = Annotated[Caller, Depends(require(Permission.HOLDS))]


class DecisionForm:
    """What a reviewer fills in, as a browser sends it."""

    def __init__(
        self,
        items: Annotated[list[str], Form()] = [],  # noqa: B006 - read only; the form library needs a list
        finding: Annotated[str, Form()] = "",
        why: Annotated[str, Form()] = "",
        conduct: Annotated[str, Form()] = "",
        classification: Annotated[str, Form()] = "",
        signs: Annotated[list[str], Form()] = [],  # noqa: B006
        case_signs: Annotated[list[str], Form()] = [],  # noqa: B006
        escalation: Annotated[str, Form()] = "",
    ) -> None:
        self.items = numbers_in(items)
        self.finding, self.why, self.conduct = finding, why.strip(), conduct
        self.classification, self.signs, self.case_signs = classification, signs, case_signs
        self.escalation = escalation.strip()

    @classmethod
    def of(cls, refused: Refused | None) -> DecisionForm:
        """The form as it was filled in before it was refused, or an empty one."""
        typed = refused.typed if refused is not None else {}

        def last(name: str) -> str:
            return next(reversed(typed.get(name, ())), "")

        return cls(
            items=list(typed.get("items", ())),
            finding=last("finding"),
            why=last("why"),
            conduct=last("conduct"),
            classification=last("classification"),
            signs=list(typed.get("signs", ())),
            case_signs=list(typed.get("case_signs", ())),
            escalation=last("escalation"),
        )

    def conclusion(self) -> Conclusion:
        """The conclusion.

        Raises:
            InputError: a field is missing or wrong.
        """
        if not self.finding:
            raise InputError("Nothing is concluded yet.", hint="Choose: report, or not reportable.", field="finding")
        report = self.finding == Finding.REPORT
        return Conclusion.of(
            finding=self.finding,
            why=self.why,
            conduct=(self.conduct or None) if report else None,
            classification=self.classification or None,
            signs=self.signs,
            case_signs=self.case_signs if report else (),
            escalation=self.escalation if report else "",
        )


Filled = Annotated[DecisionForm, Depends()]


@router.get("/cases/{number}")
def case(number: Number, request: Request, service: TheService, pages: ThePages, caller: Reader) -> Response:
    """The facts of a case. Opening it shows nothing."""
    looks = may(caller.roles, Permission.MEDIA_VIEW)
    return pages.render(
        request,
        "case.html",
        book=casebook.open_case(
            service.home, number, reader=caller.actor, decides=may(caller.roles, Permission.DECIDE)
        ),
        standing=exposure.standing(service.home, caller.actor) if looks else None,
        impressions=choices.IMPRESSIONS,
        undoable=undo.undoable(service.home, number, actor=caller.actor),
        links=linking.links_of(service.home, number),
    )


@router.get("/cases/{number}/bundle")
def bundle(
    number: Number,
    request: Request,
    service: TheService,
    pages: ThePages,
    caller: Reader,
    start: Annotated[int, Query(ge=1, le=LARGEST)] = 1,
) -> Response:
    """Every item of a case, page by page, and what is decided at once."""
    book = casebook.open_case(service.home, number, reader=caller.actor, start=start)
    return pages.render(request, "bundle.html", book=book, length=casebook.PAGE)


@router.post("/cases/{number}/judgement")
def judge(number: Number, service: TheService, caller: Reviewer, impression: Annotated[Impression, Form()]) -> Response:
    """One's own first judgement; signs of origin are told from then on."""
    opinions.judge(service.home, number, impression, actor=caller.actor)
    return RedirectResponse(f"/cases/{number}#origin", HTTPStatus.SEE_OTHER)


@router.post("/cases/{number}/pass")
def pass_on(number: Number, service: TheService, caller: Reviewer) -> Response:
    """Give a case to somebody else; nobody asks why."""
    routing.pass_on(service.home, caller.actor, number)
    return RedirectResponse("/next", HTTPStatus.SEE_OTHER)


@router.post("/cases/{number}/opinion")
def ask(
    number: Number,
    service: TheService,
    caller: Reviewer,
    leaning: Annotated[str, Form()] = "",
    note: Annotated[str, Form()] = "",
) -> Response:
    """Ask a colleague."""
    opinions.ask(
        service.home,
        number,
        actor=caller.actor,
        leaning=Finding(leaning) if leaning in list(Finding) else None,
        note=note,
    )
    return RedirectResponse("/next", HTTPStatus.SEE_OTHER)


@router.post("/cases/{number}/links/join")
def join(
    number: Number,
    service: TheService,
    caller: Reviewer,
    edge: Annotated[int, Form(ge=1)],
    why: Annotated[str, Form()] = "",
) -> Response:
    """Let a held identifier join those who bear it now."""
    with about("why"):
        linking.join(service.home, number, edge, why=why, by=caller.actor)
    return RedirectResponse(f"/cases/{number}#links", HTTPStatus.SEE_OTHER)


@router.post("/cases/{number}/hold")
def hold(
    number: Number,
    service: TheService,
    caller: Custodian,
    authority: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
) -> Response:
    """Put a legal hold on a case: nothing of it is destroyed while it lasts."""
    holds.put_on(service.home, number, authority=authority, reason=reason, actor=caller.actor)
    return RedirectResponse(f"/cases/{number}", HTTPStatus.SEE_OTHER)


@router.post("/cases/{number}/hold/{hold_number}/lift")
def lift(
    number: Number, hold_number: Number, service: TheService, caller: Custodian, reason: Annotated[str, Form()] = ""
) -> Response:
    """Lift a hold if a second person has approved it; ask for the approval otherwise."""
    made = holds.lift(service.home, hold_number, reason=reason, actor=caller.actor)
    return RedirectResponse(f"/cases/{number}" if made.approved_by else "/approvals", HTTPStatus.SEE_OTHER)


@router.post("/cases/{number}/links/{edge}")
def link(
    number: Number,
    edge: Number,
    service: TheService,
    caller: Reviewer,
    why: Annotated[str, Form()] = "",
    joins: Annotated[bool, Form()] = False,
) -> Response:
    """Say that an identifier links nothing, or that it does after all."""
    with about("why"):
        act = linking.relink if joins else linking.unlink
        act(service.home, number, edge, why=why.strip(), by=caller.actor)
    return RedirectResponse(f"/cases/{number}#links", HTTPStatus.SEE_OTHER)


@router.get("/cases/{number}/decide")
def deciding(number: Number, request: Request, service: TheService, pages: ThePages, caller: Reviewer) -> Response:
    """The form of a decision, filled in with what comes next in the case, or with what was refused."""
    return _form(number, request, service, pages, caller, DecisionForm.of(refused_in(request)))


@router.post("/cases/{number}/bundle")
def chosen(
    number: Number, request: Request, service: TheService, pages: ThePages, caller: Reviewer, form: Filled
) -> Response:
    """The form of a decision on the items that were chosen in the bundle, or with its check."""
    if not form.items:
        raise InputError("No item was chosen.", hint="Choose at least one.", field="items")
    return _form(number, request, service, pages, caller, form)


def _form(
    number: int,
    request: Request,
    service: Service,
    pages: ThePages,
    caller: Caller,
    form: DecisionForm,
) -> Response:
    book = casebook.open_case(service.home, number, reader=caller.actor, about=form.items)
    if not form.items and book.groups:
        form.items = list(book.groups[0].everything)
    checked, unmet = _checked(service, number, caller, form)
    return pages.render(
        request,
        "decide.html",
        book=book,
        form=form,
        choices=choices,
        checked=checked,
        unmet=unmet,
    )


def _checked(service: Service, number: int, caller: Caller, form: DecisionForm) -> tuple[list[dict[str, Any]], str]:
    """What the reports would lack as the form stands, and what keeps it from being checked."""
    try:
        some = form.items[: casebook.PAGE]  # it is asked for at every stroke
        made = drafting.preview(service.home, number, form.conclusion(), actor=caller.actor, items=some)
    except FirstlightError as e:
        return [], e.diagnostics().message
    return [
        {
            "account": one.account,
            "may_be_filed": one.findings.may_be_filed,
            "completeness": one.findings.completeness,
            "findings": [
                {"kind": found.kind.value, "says": found.says, "why": found.why, "do": found.do}
                for found in one.findings.findings
            ],
        }
        for one in made
    ], ""


@router.post("/cases/{number}/check")
def check(number: Number, service: TheService, caller: Reviewer, form: Filled) -> dict[str, Any]:
    """The live check, for the page's script."""
    found, unmet = _checked(service, number, caller, form)
    return {"reports": found, "unmet": unmet}


@router.post("/cases/{number}/decide")
def decide(number: Number, service: TheService, caller: Reviewer, form: Filled) -> Response:
    """Decide: one record for each item."""
    review.decide(service.home, number, form.conclusion(), actor=caller.actor, items=form.items)
    return RedirectResponse(f"/cases/{number}/decided", HTTPStatus.SEE_OTHER)


@router.get("/cases/{number}/decided")
def decided(number: Number, request: Request, service: TheService, pages: ThePages, caller: Reviewer) -> Response:
    """What was decided, and for how long it can be taken back. No picture."""
    return pages.render(
        request,
        "decided.html",
        number=number,
        undoable=undo.undoable(service.home, number, actor=caller.actor),
        book=casebook.open_case(service.home, number, reader=caller.actor),
    )


@router.post("/cases/{number}/undo")
def take_back(number: Number, service: TheService, caller: Reviewer) -> Response:
    """Take it back."""
    undo.undo(service.home, number, actor=caller.actor)
    return RedirectResponse(f"/cases/{number}", HTTPStatus.SEE_OTHER)
