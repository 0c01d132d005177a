/// Which kind of site fits; what `--guide` prints.
public enum Guide {
    static let sources = [
        "1: one machine, or the first of several; knocker exposedb opens its database to others later.",
        "2: a managed service, or a server of your own elsewhere; web nodes are then all alike.",
        "3: for every node after the first.",
        "A database in a file instead, for one node for good: knocknoc-setup --embedded.",
    ]

    public static let text = """
        Which kind of site?

        Trying it, or one small machine that also is the firewall
            knocknoc serve --all-in-one --data-dir DIR       nothing to set up

        One web node, few people, nothing else to look after
            knocknoc-setup --embedded                        SQLite in a file, for one web node for good

        One web node, which may become several
            knocknoc-setup, option 1                         Postgres on this machine, closed to others

        Several web nodes, one of them with the database
            first node:  option 1, then  sudo knocker exposedb --init
                                         sudo knocker exposedb --add ADDRESS-OF-THE-NEXT
            each other:  knocknoc-setup, option 3, with the string that exposedb printed
            in front:    knocker haproxy --init --node NAME=HOST:PORT …
            While the first machine is away nothing new opens; agents keep what is open until it expires.

        … and a second database machine, which a person makes the primary when the first is lost
            on the first:      sudo knocker replica --allow ADDRESS-OF-THE-SECOND
            on the second:     sudo knocker replica --init                      with the string that this printed
            on each web node:  sudo knocker replica --follow FIRST:5432,SECOND:5432
            when it is lost:   sudo knocker promote                             on the second

        Several web nodes on a database that fails over by itself
            a managed Postgres
                first node:  knocknoc-setup, option 2        makes the tables
                each other:  knocknoc-setup, option 3        the same string
            or Patroni on three machines, which takes over the database of a first node of option 1
                knocknoc scaffold --patroni                  writes its files; docs/high-availability.md has the steps
                each other:  knocknoc-setup, option 3        the string that exposedb printed, with all three hosts

        Agents run beside the firewalls, in each of these; they dial out to the portal's address.
        A load balancer keeps a browser on its node by a cookie; sessions live in the database, so a
        node that is lost signs nobody out.

        """
}
