"""The record: one SQL database that holds everything, from which all else can be rebuilt."""
