"""Tests of the write half."""
