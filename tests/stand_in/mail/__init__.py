"""The mail side: listeners, queue, delivery, mail storage."""
