"""The scripts' commands: what they take, what they show, how they end."""
