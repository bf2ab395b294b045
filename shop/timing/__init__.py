"""How long the shop's functions and orders take, cold and warm: measured, told apart, and written up."""
