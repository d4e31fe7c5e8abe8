"""The rooms put together: one running bridge."""
