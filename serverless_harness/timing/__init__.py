"""How long functions and orders take, cold and warm: measured, told apart, and written up."""
