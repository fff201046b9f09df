"""The process `streams`: pulls every camera once, decodes nothing, and knows each camera's health."""
