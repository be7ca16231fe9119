"""The tables of the campaigns service: campaigns, recipients, lists, opt-outs, cursors."""
