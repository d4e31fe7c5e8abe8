"""What every room may use: payload access, times, money, the clock, logs."""
