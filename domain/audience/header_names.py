"""The names under which columns commonly come, in small letters without blanks or signs."""

from collections.abc import Mapping
from typing import Final

from domain.audience.columns import Target


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


SUBSCRIBER_HEADERS: Final[Mapping[Target, frozenset[str]]] = {
    Target.EMAIL: _words(
        "email emailaddress mail mailaddress emailid primaryemail subscriberemail contactemail"
        " customeremail useremail"
    ),
    Target.FIRST_NAME: _words(
        "firstname fname givenname forename contactfirstname customerfirstname"
    ),
    Target.LAST_NAME: _words("lastname lname surname familyname contactlastname customerlastname"),
    Target.TIMEZONE: _words("timezone tz timezonename ianatimezone"),
    Target.LOCALE: _words("locale language lang languagecode preferredlanguage preferredlocale"),
    Target.TAGS: _words("tag tags label labels"),
    Target.CREATED_AT: _words(
        "createdat created createdon creationdate datecreated subscribedat subscribedon"
        " subscribedate subscriptiondate datesubscribed signupat signedupat signupdate joinedat"
        " joindate datejoined dateadded addedat optinat optintime optindate confirmedat"
        " confirmtime registeredat registrationdate customersince"
    ),
}
EVENT_HEADERS: Final[Mapping[Target, frozenset[str]]] = {
    Target.EMAIL: SUBSCRIBER_HEADERS[Target.EMAIL],
    Target.NAME: _words("name event eventname eventtype"),
    Target.OCCURRED_AT: _words(
        "occurredat occurred date datetime time timestamp at eventdate eventtime orderdate"
        " orderedat ordertime purchasedat purchasedate paidat createdat"
    ),
    Target.VALUE: _words(
        "value amount total price revenue ordervalue ordertotal totalprice grandtotal"
    ),
    Target.CURRENCY: _words("currency currencycode"),
    Target.KEY: _words(
        "key id eventid eventkey orderid ordernumber order transactionid idempotencykey"
    ),
}
