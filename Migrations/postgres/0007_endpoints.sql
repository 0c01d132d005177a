-- readable-from: 1
-- Where agents reach each web node.

alter table nodes add column agent_url text collate "C";

comment on column nodes.agent_url is 'AgentURL of this node, which its agents are told; null where it is not set.';
