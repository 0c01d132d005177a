-- readable-from: 1
-- Which node ends what has expired.

alter table nodes add column swept_at bigint;

comment on column nodes.swept_at is 'When it last ended what had expired; null where it has not yet, or is of an older release.';
