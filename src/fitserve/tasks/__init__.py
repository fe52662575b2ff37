"""The tasks: what is predicted, and how a raw output becomes an answer."""

from fitserve.tasks.base import Answer, Answerer, Task
from fitserve.tasks.registry import get_task, task_names

__all__ = ["Answer", "Answerer", "Task", "get_task", "task_names"]
