-- readable-from: 1
-- Which node ends what has expired.

alter table nodes add column swept_at integer;
