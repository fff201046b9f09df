"""Scripted street scenes: what happens is data, pictures and ground truth both follow from it."""
