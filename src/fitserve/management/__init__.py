"""What is done to a workspace over HTTP, below ``/api/``, by a process of its own."""
