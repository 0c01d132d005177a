-- readable-from: 1
-- Zones of agents and nodes, Knocs that follow them, and Knocs that close where no server speaks to their agents.

alter table agents add column told_zone text collate "C";
alter table agents add column edge bigint not null default 0;
alter table agents add column joined bigint not null default 0;

comment on column agents.told_zone is 'The zone that the agent''s own file names; counts where its administrator has given none.';
comment on column agents.edge is '1 where the agent serves allow lists itself.';
comment on column agents.joined is '1 once it has been in contact; before that no zone has it.';

alter table nodes add column zone text collate "C";

comment on column nodes.zone is 'What its settings call the part of the network that it is in.';

alter table knocs add column zones text collate "C" not null default '[]';
alter table knocs add column placement text collate "C" not null default 'all'
    constraint knocs_placement_check check (placement in ('all', 'one'));
alter table knocs add column close_after_seconds bigint;

comment on column knocs.zones is 'JSON list of the zones whose agents enforce it; a name behind ! is left out; empty is all.';
comment on column knocs.placement is 'all or one: on how many agents of each zone a grant is enforced.';
comment on column knocs.close_after_seconds is
    'How long an agent that no server speaks to keeps it open; null is until each grant''s own end.';

create table knoc_places (
    knoc_id text collate "C" not null,
    position bigint not null,
    agent_id text collate "C",
    zone text collate "C",
    backend text collate "C" not null,
    constraint knoc_places_pkey primary key (knoc_id, position),
    constraint knoc_places_knoc_id_fkey foreign key (knoc_id) references knocs (id) on delete cascade,
    constraint knoc_places_agent_id_fkey foreign key (agent_id) references agents (id) on delete cascade,
    constraint knoc_places_place_check check ((agent_id is null) <> (zone is null))
);

comment on table knoc_places is 'Where a Knoc that follows zones is enforced, as its administrator said; knoc_targets is what came of it.';
comment on column knoc_places.position is 'The administrator''s order, from 0.';
comment on column knoc_places.zone is 'A zone''s name, <edge> or *.';
comment on column knoc_places.backend is 'JSON as the administrator gave it.';

create index knoc_places_agent_id_idx on knoc_places (agent_id);

alter table knoc_targets add column placed bigint not null default 1;

comment on column knoc_targets.placed is '0 where only what closes stands there: grants are enforced on another agent of the zone.';

alter table targets add column ends_alone bigint not null default 1;

comment on column targets.ends_alone is '1 where what it opens ends on time with the agent dead.';
comment on column targets.backend is 'JSON, with what its Knocs demand of an agent that no server speaks to.';
