"""What is told to people: kept as codes with arguments, put into words where it is shown."""

from fitserve.messages.message import AnyMessage, Message, as_message, is_any_message, stored
from fitserve.messages.rendering import LANGUAGES, render

__all__ = ["LANGUAGES", "AnyMessage", "Message", "as_message", "is_any_message", "render", "stored"]
