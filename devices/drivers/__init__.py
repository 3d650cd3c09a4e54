"""What each device can be asked to do: state machines over a line, a codec and a clock."""
