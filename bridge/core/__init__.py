"""Shared basics: payload access, times, money, the clock, logs, counters."""
