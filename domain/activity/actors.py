"""Whether a person or a machine asked for a pixel or a link, as far as the request tells.

Apple's Mail Privacy Protection and Microsoft's scanners partly pose as ordinary browsers; what does
not give itself away counts as human.
"""

import re
from typing import Final

from domain.activity.models import Actor

# Image proxies of mail services fetch on behalf of a reader, but some of them unasked.
_PROXY: Final = re.compile(
    r"GoogleImageProxy|YahooMailProxy|ImageProxy|Apple-?Mail-?Proxy|via ggpht\.com|"
    r"Outlook-iOS-Android.*Prefetch|Mail\.RuImage|SeznamEmailProxy",
    re.IGNORECASE,
)
# Apple's privacy proxy sends exactly this and nothing more.
_APPLE_PRIVACY_PROXY: Final = "Mozilla/5.0"
_SCANNER: Final = re.compile(
    r"bot\b|crawl|spider|scan|preview|barracuda|proofpoint|mimecast|safelinks|"
    r"urldefense|fortigate|sophos|trendmicro|symantec|headless|python|curl|wget|"
    r"go-http-client|java/|okhttp|libwww|facebookexternalhit|skypeuripreview",
    re.IGNORECASE,
)


def classify(method: str, user_agent: str) -> Actor:
    """Who asks: a HEAD, a request without a name or from a known checker is a scanner's."""
    if method == "HEAD" or not user_agent.strip():
        return Actor.SCANNER
    if _PROXY.search(user_agent) or user_agent.strip() == _APPLE_PRIVACY_PROXY:
        return Actor.PROXY
    return Actor.SCANNER if _SCANNER.search(user_agent) else Actor.HUMAN
