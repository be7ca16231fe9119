-- A paused listener keeps its place and gets nothing until it is resumed.
ALTER TABLE listeners ADD COLUMN paused_at REAL;
