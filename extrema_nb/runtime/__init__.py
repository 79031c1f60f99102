"""Environments: tasks, rings, commands, modules, sessions."""
