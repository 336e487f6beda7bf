"""What happened, where, and who was told: summary, internet details, law enforcement, reporter."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import FiniteFloat, model_validator

from firstlight.cybertip.model.annotations import ReportAnnotations
from firstlight.cybertip.model.codes import Country, IncidentType
from firstlight.cybertip.model.people import Address, ContactPerson, Email, IpCaptureEvent, Person, Phone
from firstlight.cybertip.model.values import PastTime, Text100, Text255, Text256, Text3000, Url
from firstlight.cybertip.wire import Block, Must, Role, Wire


class IncidentSummary(Block):
    """Incident type and time: the only two things that must be said.

    `escalate_to_high_priority` is the reason in words; its presence escalates.
    """

    incident_type: IncidentType
    platform: Text256 | None = None
    escalate_to_high_priority: Annotated[Text3000 | None, Must.NOT_BE_BLANK] = None
    report_annotations: ReportAnnotations | None = None
    incident_date_time: PastTime
    incident_date_time_description: Text3000 | None = None


class WebPageIncident(Block):
    """On a web page."""

    url: tuple[Url, ...] = ()
    additional_info: str | None = None
    third_party_hosted_content: Annotated[bool | None, Wire(role=Role.ATTRIBUTE)] = None


class EmailIncident(Block):
    """By email; each address must also stand on a person of the report."""

    email_address: tuple[Email, ...] = ()
    content: str | None = None
    additional_info: str | None = None


class NewsgroupIncident(Block):
    """In a newsgroup; each address must also stand on a person of the report."""

    name: Text255 | None = None
    email_address: tuple[Email, ...] = ()
    content: str | None = None
    additional_info: str | None = None


class ChatImIncident(Block):
    """In a chat or by instant message."""

    chat_client: Text255 | None = None
    chat_room_name: Text255 | None = None
    content: str | None = None
    additional_info: str | None = None


class OnlineGamingIncident(Block):
    """In an online game."""

    game_name: Text255 | None = None
    console: Text255 | None = None
    content: str | None = None
    additional_info: str | None = None


class CellPhoneIncident(Block):
    """By telephone."""

    phone_number: Phone | None = None
    latitude: FiniteFloat | None = None
    longitude: FiniteFloat | None = None
    additional_info: str | None = None


class NonInternetIncident(Block):
    """Outside the network."""

    location_name: Text255 | None = None
    incident_address: tuple[Address, ...] = ()
    additional_info: str | None = None


class Peer2PeerIncident(Block):
    """In a peer-to-peer network."""

    client: Text255 | None = None
    ip_capture_event: tuple[IpCaptureEvent, ...] = ()
    file_names: str | None = None
    additional_info: str | None = None


class InternetDetails(Block):
    """Exactly one channel; several channels are several of these."""

    web_page_incident: WebPageIncident | None = None
    email_incident: EmailIncident | None = None
    newsgroup_incident: NewsgroupIncident | None = None
    chat_im_incident: ChatImIncident | None = None
    online_gaming_incident: OnlineGamingIncident | None = None
    cell_phone_incident: CellPhoneIncident | None = None
    non_internet_incident: NonInternetIncident | None = None
    peer2peer_incident: Peer2PeerIncident | None = None

    @model_validator(mode="after")
    def _one_channel(self) -> Self:
        if sum(getattr(self, name) is not None for name in type(self).model_fields) != 1:
            msg = "exactly one channel must be given; repeat internetDetails for several"
            raise ValueError(msg)
        return self

    @property
    def channel(self) -> Block:
        """The one channel that is given."""
        found: Block = next(v for name in type(self).model_fields if (v := getattr(self, name)) is not None)
        return found


class InternationalLegalProcess(Block):
    """Whether process was served from abroad, and from which country."""

    served: Annotated[bool, Wire(role=Role.TEXT)]
    flea_country: Annotated[Country | None, Wire(role=Role.ATTRIBUTE)] = None


class LawEnforcement(Block):
    """Which agency knows of it already."""

    agency_name: Text255
    case_number: Text100 | None = None
    officer_contact: ContactPerson | None = None
    reported_to_le: bool | None = None
    served_legal_process_domestic: bool | None = None
    served_legal_process_international: InternationalLegalProcess | None = None


class Reporter(Block):
    """Who reports. The service wants at least one email address of the reporting person."""

    reporting_person: Person
    contact_person: ContactPerson | None = None
    company_template: str | None = None
    terms_of_service: str | None = None
    legal_url: Annotated[Url | None, Wire("legalURL")] = None
