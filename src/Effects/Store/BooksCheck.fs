namespace FunctionalBot.Effects.Store

/// What must hold between the bot's own tables at every moment: nothing is lost, and the counters are right.
module BooksCheck =
    let private books name offences = {
        Name = name
        Rule = None
        Offences = offences
    }

    let private accounting =
        "SELECT 'received ' || received || ' - ended ' || ended || ' - pending ' || pending || ' = '
            || received - ended - pending
        FROM (SELECT coalesce(sum(amount) FILTER (WHERE what = 'received'), 0) AS received,
                coalesce(sum(amount) FILTER (WHERE what <> 'received' AND NOT starts_with(what, 'command-')), 0)
                    AS ended
            FROM bot.tally) t, (SELECT count(*) AS pending FROM bot.inbox_pending) p
        WHERE received - ended - pending <> 0"

    /// Each counter against the rows that it counts. A thing that was taken in before has no row of its own when it
    /// comes again, so that arrivals are compared without what ended as duplicate.
    /// Rows of days long ago may have been deleted, and their counts be kept under the day 0001-01-01: from then on, or
    /// from when some are said to be forgotten or the first row is gone, a counter may say more than the table holds,
    /// and never less.
    let private tally =
        "WITH told AS (
            SELECT CASE WHEN what IN ('received', 'duplicate') THEN 'arrived' ELSE what END AS what,
                sum(CASE WHEN what = 'duplicate' THEN -amount ELSE amount END) AS amount
            FROM bot.tally GROUP BY 1),
        found AS (
            SELECT 'arrived' AS what, (SELECT count(*) FROM bot.inbox)
                - (SELECT count(*) FROM bot.inbox_end WHERE state = 'duplicate') AS amount
            UNION ALL
            SELECT state, sum(amount) FROM (
                SELECT ended AS state, count(*) AS amount FROM bot.inbox WHERE ended IS NOT NULL GROUP BY ended
                UNION ALL
                SELECT state, count(*) FROM bot.inbox_end WHERE state <> 'duplicate' GROUP BY state) s
            GROUP BY state
            UNION ALL
            SELECT 'command-' || state, count(*) FROM bot.command_end GROUP BY state),
        forgotten AS (
            SELECT EXISTS (SELECT 1 FROM bot.tally WHERE day = '0001-01-01') AS days,
                (SELECT min(id) FROM bot.inbox) IS DISTINCT FROM 1
                    OR EXISTS (SELECT 1 FROM bot.forgotten WHERE what = 'inbox') AS entries,
                (SELECT min(id) FROM bot.command) IS DISTINCT FROM 1
                    OR EXISTS (SELECT 1 FROM bot.forgotten WHERE what = 'command') AS commands)
        SELECT 'the counter ' || what || ' says ' || coalesce(t.amount, 0) || ', the tables hold '
            || coalesce(f.amount, 0)
        FROM told t FULL JOIN found f USING (what), forgotten g
        WHERE coalesce(f.amount, 0) > coalesce(t.amount, 0) OR (coalesce(f.amount, 0) < coalesce(t.amount, 0)
            AND NOT (g.days OR CASE WHEN starts_with(what, 'command-') THEN g.commands ELSE g.entries END))"

    let private entries =
        "SELECT 'entry ' || id || ' is lost: neither pending nor ended' FROM bot.inbox_state WHERE state = 'lost'
        UNION ALL
        SELECT 'entry ' || i.id || ' stands in two places at once' FROM bot.inbox i
        LEFT JOIN bot.inbox_pending p ON p.id = i.id LEFT JOIN bot.inbox_end e ON e.id = i.id
        WHERE (i.ended IS NOT NULL)::int + (p.id IS NOT NULL)::int + (e.id IS NOT NULL)::int > 1
        UNION ALL
        SELECT 'pending entry ' || p.id || ' is not in the inbox' FROM bot.inbox_pending p
        WHERE NOT EXISTS (SELECT 1 FROM bot.inbox i WHERE i.id = p.id)
        UNION ALL
        SELECT 'the end of entry ' || e.id || ' has no entry' FROM bot.inbox_end e
        WHERE NOT EXISTS (SELECT 1 FROM bot.inbox i WHERE i.id = e.id)
        UNION ALL
        SELECT 'pending entry ' || p.id || ' is of a customer who is not in bot.contact, so nobody takes it'
        FROM bot.inbox_pending p WHERE NOT EXISTS (
            SELECT 1 FROM bot.contact c WHERE c.channel = p.channel AND c.customer = p.customer)"

    let private commands =
        "SELECT 'command ' || c.id || ' is lost: neither open nor ended' FROM bot.command c
        WHERE NOT EXISTS (SELECT 1 FROM bot.outbox o WHERE o.id = c.id)
            AND NOT EXISTS (SELECT 1 FROM bot.command_end e WHERE e.id = c.id)
        UNION ALL
        SELECT 'command ' || o.id || ' is open and has ended' FROM bot.outbox o
        JOIN bot.command_end e ON e.id = o.id
        UNION ALL
        SELECT 'open command ' || o.id || ' is not among the commands' FROM bot.outbox o
        WHERE NOT EXISTS (SELECT 1 FROM bot.command c WHERE c.id = o.id)
        UNION ALL
        SELECT 'the end of command ' || e.id || ' has no command' FROM bot.command_end e
        WHERE NOT EXISTS (SELECT 1 FROM bot.command c WHERE c.id = e.id)
        UNION ALL
        SELECT 'command ' || o.id || ' stands as ' || o.state || ', which nobody knows' FROM bot.outbox o
        WHERE o.state NOT IN ('ready', 'running', 'unknown', 'waiting')
        UNION ALL
        SELECT 'command ' || o.id || ' waits for a customer to write, and says nothing' FROM bot.outbox o
        WHERE o.state = 'waiting' AND NOT o.speaks"

    let private timers =
        "SELECT count(*) || ' timers named ' || name || ' are set for sessions that do not exist' FROM bot.timer t
        WHERE NOT EXISTS (SELECT 1 FROM public.mt_streams s WHERE s.id = t.stream) GROUP BY name"

    let private sessions =
        "SELECT 'a saved session is at version ' || se.version || ', its stream at ' || st.version
        FROM bot.session se JOIN public.mt_streams st ON st.id = se.stream WHERE se.version > st.version
        UNION ALL
        SELECT count(*) || ' saved sessions have no stream' FROM bot.session se
        WHERE NOT EXISTS (SELECT 1 FROM public.mt_streams st WHERE st.id = se.stream) HAVING count(*) > 0
        UNION ALL
        SELECT count(*) || ' customers have a current session that has no stream' FROM bot.contact c
        WHERE c.current_ordinal > 0 AND NOT EXISTS (SELECT 1 FROM public.mt_streams st
            WHERE st.id = 'session/' || c.channel || '/' || c.customer || '/' || c.current_ordinal)
        HAVING count(*) > 0"

    /// `bot.contact.merged_into` names a contact of its own: one step leads to whoever stands for it.
    let private contacts =
        "SELECT 'contact ' || c.number || ' stands for nobody: the one it points to '
            || CASE WHEN m.customer IS NULL THEN 'is missing' ELSE 'points on' END
        FROM bot.contact c LEFT JOIN bot.contact m ON m.channel = c.channel AND m.customer = c.merged_into
        WHERE c.merged_into IS NOT NULL AND (m.customer IS NULL OR m.merged_into IS NOT NULL)"

    /// The checks.
    let all: DatabaseCheck list = [
        books "what was received is what ended and what is pending" accounting
        books "the counters say what the tables hold" tally
        books "every entry of the inbox stands in one place" entries
        books "every command is open or ended" commands
        books "every timer has its session" timers
        books "saved sessions fit their streams" sessions
        books "merged contacts point to one of their own" contacts
    ]
