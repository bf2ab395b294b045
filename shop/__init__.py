"""The shop from outside: its cash registers, orders, keys and bookings."""
