"""The management API of servers from 0.16 on: objects of types, got and set by JMAP."""
