"""Kinds of arrays that a graph takes: what steps make of the values of many rows."""

from fitserve.blocks.arrays import Arrays, table_arrays
from fitserve.blocks.base import Block, block_type
from fitserve.blocks.codes import Codes
from fitserve.blocks.dense import FLOAT32_MAX, Dense
from fitserve.blocks.terms import Ragged, Terms

__all__ = ["FLOAT32_MAX", "Arrays", "Block", "Codes", "Dense", "Ragged", "Terms", "block_type", "table_arrays"]
