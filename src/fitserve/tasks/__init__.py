"""The tasks: what is predicted, and how a raw output becomes an answer."""

from fitserve.tasks.base import Answer, Answerer, Task, get_task

__all__ = ["Answer", "Answerer", "Task", "get_task"]
