"""Persons, addresses, events, devices, and the account blocks of suspect, recipient and victim."""

from __future__ import annotations

from typing import Annotated

from firstlight.cybertip.model.codes import (
    AddressType,
    AssociatedAccountType,
    Country,
    EmailType,
    EventName,
    PhoneType,
    State,
)
from firstlight.cybertip.model.values import (
    Int32,
    IpAddress,
    PastDate,
    PastTime,
    ReportId,
    Text20,
    Text50,
    Text100,
    Text255,
    Text256,
    Text300,
    Url,
)
from firstlight.cybertip.schema import Addition
from firstlight.cybertip.wire import Between, Block, MaxLength, Must, Role, Wire

_ATTRIBUTE = Wire(role=Role.ATTRIBUTE)
_TEXT = Wire(role=Role.TEXT)

AGE = Between(0, 150)
PriorReports = Annotated[tuple[Annotated[ReportId, Must.BE_FINISHED_REPORT], ...], Wire("priorCTReports")]


class Address(Block):
    """A postal address; an empty state or country is a value of the list, an absent one is not sent."""

    address: Text255 | None = None
    city: Text100 | None = None
    zip_code: Text20 | None = None
    state: State | None = None
    non_usa_state: Text100 | None = None
    country: Country | None = None
    type: Annotated[AddressType | None, _ATTRIBUTE] = None


class Phone(Block):
    """A telephone number as text; without the country code when that stands in its own attribute."""

    number: Annotated[Text50, _TEXT]
    type: Annotated[PhoneType | None, _ATTRIBUTE] = None
    verified: Annotated[bool | None, _ATTRIBUTE] = None
    verification_date: Annotated[PastTime | None, _ATTRIBUTE] = None
    country_calling_code: Annotated[str | None, Must.BE_CALLING_CODE, _ATTRIBUTE] = None
    extension: Annotated[str | None, Must.BE_DIGITS, MaxLength(10), _ATTRIBUTE] = None


class Email(Block):
    """An email address."""

    address: Annotated[Text255, Must.BE_EMAIL, _TEXT]
    type: Annotated[EmailType | None, _ATTRIBUTE] = None
    verified: Annotated[bool | None, _ATTRIBUTE] = None
    verification_date: Annotated[PastTime | None, _ATTRIBUTE] = None


class Person(Block):
    """A person as far as known. `age` and `date_of_birth` may both stand here."""

    first_name: Text100 | None = None
    last_name: Text100 | None = None
    phone: tuple[Phone, ...] = ()
    email: tuple[Email, ...] = ()
    address: tuple[Address, ...] = ()
    age: Annotated[Int32 | None, AGE] = None
    age_assertion_discrepancy: Annotated[bool | None, Wire(since=Addition.AGE_ASSERTION_DISCREPANCY)] = None
    date_of_birth: PastDate | None = None


class ContactPerson(Block):
    """Whom to ask; no age."""

    first_name: Text100 | None = None
    last_name: Text100 | None = None
    phone: tuple[Phone, ...] = ()
    email: tuple[Email, ...] = ()
    address: tuple[Address, ...] = ()


class IpCaptureEvent(Block):
    """An address seen at a time. Without the port and the time nobody behind a shared address can be found."""

    ip_address: IpAddress
    event_name: EventName | None = None
    date_time: PastTime | None = None
    possible_proxy: bool | None = None
    port: Annotated[Int32 | None, Between(1, 65535)] = None


class DeviceId(Block):
    """A device by a named kind of number (IMEI, ICCID, SSID, ...); the number is text."""

    id_type: Annotated[Text255, Must.NOT_BE_BLANK]
    id_value: Annotated[str, MaxLength(2083), Must.NOT_BE_BLANK]
    event_name: EventName | None = None
    date_time: PastTime | None = None


class TemporarilyDisabled(Block):
    """Whether the account is disabled for a time, and since when."""

    disabled: Annotated[bool, _TEXT]
    disabled_date: Annotated[PastTime | None, _ATTRIBUTE] = None
    user_notified: Annotated[bool | None, _ATTRIBUTE] = None
    user_notified_date: Annotated[PastTime | None, _ATTRIBUTE] = None
    reenabled_date: Annotated[PastTime | None, _ATTRIBUTE] = None


class PermanentlyDisabled(Block):
    """Whether the account is disabled for good, and since when."""

    disabled: Annotated[bool, _TEXT]
    disabled_date: Annotated[PastTime | None, _ATTRIBUTE] = None
    user_notified: Annotated[bool | None, _ATTRIBUTE] = None
    user_notified_date: Annotated[PastTime | None, _ATTRIBUTE] = None


class EstimatedLocation(Block):
    """Where the user probably was. The service wants a country whenever it is sent."""

    city: Text255 | None = None
    region: Text255 | None = None
    country_code: Country | None = None
    verified: Annotated[bool | None, _ATTRIBUTE] = None
    timestamp: Annotated[PastTime | None, _ATTRIBUTE] = None


class AccountPlatform(Block):
    """The platform of an associated account, and whether its user is a third party."""

    name: Annotated[Text256, _TEXT]
    third_party_user: Annotated[bool | None, _ATTRIBUTE] = None


class AssociatedAccount(Block):
    """Another account that belongs to the same person or pays for it."""

    type: Annotated[AssociatedAccountType, _ATTRIBUTE]
    platform: AccountPlatform | None = None
    first_name: Text256 | None = None
    middle_name: Text256 | None = None
    last_name: Text256 | None = None
    approximate_age: Annotated[Int32 | None, AGE] = None
    age_assertion_discrepancy: Annotated[bool | None, Wire(since=Addition.AGE_ASSERTION_DISCREPANCY)] = None
    date_of_birth: PastDate | None = None
    phone: tuple[Phone, ...] = ()
    email: tuple[Email, ...] = ()
    all_emails_reported: bool | None = None
    address: tuple[Address, ...] = ()
    esp_service: Text256 | None = None
    esp_identifier: Text256 | None = None
    profile_url: tuple[Url, ...] = ()
    screen_name: Text256 | None = None
    display_name: tuple[Text255, ...] = ()
    profile_bio: str | None = None
    group_identifier: Text256 | None = None
    compromised_account: bool | None = None
    account_temporarily_disabled: TemporarilyDisabled | None = None
    account_permanently_disabled: PermanentlyDisabled | None = None
    ip_capture_event: tuple[IpCaptureEvent, ...] = ()
    device_id: tuple[DeviceId, ...] = ()
    prior_ct_report: Annotated[tuple[Annotated[ReportId, Must.BE_FINISHED_REPORT], ...], Wire("priorCTReport")] = ()
    additional_info: str | None = None


class PersonOrUserReported(Block):
    """Whom the report is about; the service shows this block as the suspect."""

    person_or_user_reported_person: Person | None = None
    vehicle_description: Text300 | None = None
    esp_identifier: Text255 | None = None
    esp_service: Text100 | None = None
    compromised_account: bool | None = None
    screen_name: Text256 | None = None
    display_name: tuple[Text255, ...] = ()
    profile_url: tuple[Url, ...] = ()
    profile_bio: str | None = None
    ip_capture_event: tuple[IpCaptureEvent, ...] = ()
    device_id: tuple[DeviceId, ...] = ()
    third_party_user_reported: bool | None = None
    prior_ct_reports: PriorReports = ()
    group_identifier: Text255 | None = None
    account_temporarily_disabled: TemporarilyDisabled | None = None
    account_permanently_disabled: PermanentlyDisabled | None = None
    estimated_location: EstimatedLocation | None = None
    all_emails_reported: bool | None = None
    associated_account: tuple[AssociatedAccount, ...] = ()
    additional_info: str | None = None


class IntendedRecipient(Block):
    """To whom it was sent or was meant to be sent."""

    intended_recipient_person: Person | None = None
    esp_identifier: Text255 | None = None
    esp_service: Text100 | None = None
    compromised_account: bool | None = None
    screen_name: Text256 | None = None
    display_name: tuple[Text255, ...] = ()
    profile_url: tuple[Url, ...] = ()
    profile_bio: str | None = None
    ip_capture_event: tuple[IpCaptureEvent, ...] = ()
    device_id: tuple[DeviceId, ...] = ()
    prior_ct_reports: PriorReports = ()
    group_identifier: Text255 | None = None
    account_temporarily_disabled: TemporarilyDisabled | None = None
    account_permanently_disabled: PermanentlyDisabled | None = None
    estimated_location: EstimatedLocation | None = None
    all_emails_reported: bool | None = None
    additional_info: tuple[str, ...] = ()


class Victim(Block):
    """The child, as far as known. The person element must stand here, and may be empty."""

    victim_person: Person = Person()
    esp_identifier: Text255 | None = None
    esp_service: Text100 | None = None
    compromised_account: bool | None = None
    screen_name: Text256 | None = None
    display_name: tuple[Text255, ...] = ()
    profile_url: tuple[Url, ...] = ()
    profile_bio: str | None = None
    ip_capture_event: tuple[IpCaptureEvent, ...] = ()
    device_id: tuple[DeviceId, ...] = ()
    school_name: Text255 | None = None
    prior_ct_reports: PriorReports = ()
    account_temporarily_disabled: TemporarilyDisabled | None = None
    account_permanently_disabled: PermanentlyDisabled | None = None
    estimated_location: EstimatedLocation | None = None
    all_emails_reported: bool | None = None
    associated_account: tuple[AssociatedAccount, ...] = ()
    additional_info: str | None = None
