import pytest

from domain.activity.actors import classify
from domain.activity.models import Actor

SAFARI = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.4 Safari/605.1.15"
)
GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
YAHOO = "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html"
OUTLOOK = "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.17328; Pro)"


@pytest.mark.parametrize(
    ("method", "user_agent", "actor"),
    [
        ("GET", SAFARI, Actor.HUMAN),
        ("GET", OUTLOOK, Actor.HUMAN),
        ("GET", GMAIL, Actor.PROXY),
        ("GET", YAHOO, Actor.PROXY),
        ("GET", "Mozilla/5.0", Actor.PROXY),
        ("GET", "", Actor.SCANNER),
        ("GET", "  ", Actor.SCANNER),
        ("HEAD", SAFARI, Actor.SCANNER),
        ("GET", "python-requests/2.32", Actor.SCANNER),
        ("GET", "Mozilla/5.0 (compatible; Googlebot/2.1)", Actor.SCANNER),
        ("GET", "Barracuda Sentinel (EE)", Actor.SCANNER),
    ],
)
def test_who_asks_is_told_from_the_request(method: str, user_agent: str, actor: Actor) -> None:
    assert classify(method, user_agent) is actor
