"""The mailbox: an SMTP server that keeps every mail it is given, and a page to read it."""

from server.mailbox.running import Mailbox, main
from server.mailbox.store import Mail

__all__ = ["Mail", "Mailbox", "main"]
