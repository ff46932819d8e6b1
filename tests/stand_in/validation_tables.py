"""Which reader the server has for the value of which setting, and which names an expression may use where."""

from __future__ import annotations

# Settings that every version reads
PLAIN: dict[str, list[str]] = {
    "boolean": """
    auth.dkim.strict calendar.alarms.allow-external-recipients calendar.alarms.enabled calendar.scheduling.enable
    calendar.scheduling.http-rsvp.enable calendar.scheduling.inbound.auto-add dav.collection.assisted-discovery email.encryption.append
    email.encryption.enable form.enable http.hsts http.permissive-cors http.use-x-forwarded imap.auth.allow-plain-text
    metrics.prometheus.enable oauth.client-registration.anonymous oauth.client-registration.require report.analysis.forward resolver.edns
    resolver.preserve-intermediates resolver.try-tcp-on-error session.data.add-headers.delivered-to sieve.trusted.no-capability-check
    spam-filter.enable spam-filter.pyzor.enable
    """.split(),
    "integer": """
    calendar.max-attendees-per-instance calendar.max-recurrence-expansions calendar.max-size calendar.scheduling.inbound.max-size
    calendar.scheduling.outbound.max-recipients cluster.node-id contacts.max-size dav.locks.max-per-user dav.property.max-size.live
    dav.request.max-size dav.response.max-results file-storage.max-size imap.auth.max-failures imap.request.max-size
    jmap.email.max-attachment-size jmap.email.max-size jmap.email.parse.max-items jmap.mailbox.max-depth jmap.mailbox.max-name-length
    jmap.protocol.get.max-objects jmap.protocol.query.max-results jmap.protocol.request.max-calls jmap.protocol.request.max-size
    jmap.protocol.search-snippet.max-results jmap.protocol.set.max-objects jmap.protocol.upload.max-size jmap.protocol.upload.quota.files
    jmap.protocol.upload.quota.size jmap.push.attempts.max oauth.auth.max-attempts resolver.attempts resolver.concurrency
    sharing.max-shares-per-item sieve.trusted.limits.cpu sieve.trusted.limits.nested-includes sieve.trusted.limits.out-messages
    sieve.trusted.limits.received-headers sieve.trusted.limits.redirects sieve.trusted.limits.variable-size sieve.untrusted.limits.cpu
    sieve.untrusted.limits.header-size sieve.untrusted.limits.includes sieve.untrusted.limits.local-variables
    sieve.untrusted.limits.match-variables sieve.untrusted.limits.name-length sieve.untrusted.limits.nested-blocks
    sieve.untrusted.limits.nested-foreverypart sieve.untrusted.limits.nested-includes sieve.untrusted.limits.nested-tests
    sieve.untrusted.limits.outgoing-messages sieve.untrusted.limits.received-headers sieve.untrusted.limits.redirects
    sieve.untrusted.limits.script-size sieve.untrusted.limits.string-length sieve.untrusted.limits.variable-name-length
    sieve.untrusted.limits.variable-size sieve.untrusted.max-redirects sieve.untrusted.max-script-size spam-filter.dnsbl.max-check.domain
    spam-filter.dnsbl.max-check.email spam-filter.dnsbl.max-check.ip spam-filter.dnsbl.max-check.url spam-filter.pyzor.count
    spam-filter.pyzor.port spam-filter.pyzor.wl-count
    """.split(),
    "optional integer": """
    changes.max-history dav.property.max-size.dead imap.rate-limit.concurrent jmap.protocol.changes.max-results
    jmap.protocol.request.max-concurrent jmap.protocol.upload.max-concurrent
    """.split(),
    "number": """
    spam-filter.pyzor.ratio spam-filter.score.discard spam-filter.score.reject spam-filter.score.spam
    """.split(),
    "duration": """
    calendar.alarms.minimum-interval calendar.scheduling.http-rsvp.expiration dav.lock.max-timeout imap.timeout.anonymous
    imap.timeout.authenticated imap.timeout.idle jmap.event-source.throttle jmap.protocol.upload.ttl jmap.push.attempts.interval
    jmap.push.retry.interval jmap.push.throttle jmap.push.timeout.request jmap.push.timeout.verify jmap.web-socket.heartbeat
    jmap.web-socket.throttle jmap.web-socket.timeout oauth.expiry.auth-code oauth.expiry.refresh-token oauth.expiry.refresh-token-renew
    oauth.expiry.token oauth.expiry.user-code oauth.oidc.expiry.id-token resolver.timeout sieve.trusted.limits.duplicate-expiry
    sieve.untrusted.default-expiry.duplicate sieve.untrusted.default-expiry.vacation spam-filter.pyzor.timeout
    """.split(),
    "optional duration": """
    calendar.scheduling.inbox.auto-expunge email.auto-expunge report.analysis.store session.mta-sts.max-age spam-filter.grey-list.duration
    """.split(),
    "optional rate": """
    http.rate-limit.account http.rate-limit.anonymous imap.rate-limit.requests server.auto-ban.abuse.rate server.auto-ban.auth.rate
    server.auto-ban.loiter.rate server.auto-ban.scan.rate
    """.split(),
    "cron": """
    account.purge.frequency
    """.split(),
}

# Settings that 0.15 brought, or reads another way
PLAIN_SINCE_0_15: dict[str, list[str]] = {
    "boolean": """
    sharing.allow-directory-query spam-filter.card-is-ham.enable spam-filter.card-is-ham.learn spam-filter.classifier.auto-learn.spam-trap
    spam-filter.classifier.features.l2-normalize spam-filter.classifier.features.log-scale spam-filter.trusted-reply.enable
    spam-filter.trusted-reply.learn
    """.split(),
    "integer": """
    jmap.calendar.parse.max-items jmap.contact.parse.max-items spam-filter.classifier.auto-learn.spam-rbl-count
    spam-filter.classifier.samples.min-ham spam-filter.classifier.samples.min-spam spam-filter.classifier.samples.reservoir-capacity
    """.split(),
    "duration": """
    spam-filter.classifier.samples.hold-for
    """.split(),
    "optional duration": """
    email-submission.auto-expunge sharing.max-history spam-filter.classifier.training.frequency
    """.split(),
}

# Settings that went with 0.15
PLAIN_UP_TO_0_14: dict[str, list[str]] = {
    "boolean": """
    spam-filter.bayes.account.enable spam-filter.bayes.auto-learn.card-is-ham spam-filter.bayes.auto-learn.enable
    spam-filter.bayes.auto-learn.trusted-reply spam-filter.bayes.enable spam-filter.card-is-ham spam-filter.reputation.enable
    """.split(),
    "integer": """
    cluster.roles.acme.renew cluster.roles.metrics.calculate cluster.roles.metrics.push cluster.roles.purge.accounts
    cluster.roles.purge.stores jmap.push.max-total sieve.untrusted.limits.max-scripts spam-filter.bayes.classify.learns
    spam-filter.bayes.classify.tokens.hits spam-filter.bayes.classify.tokens.min
    """.split(),
    "number": """
    spam-filter.bayes.account.score.ham spam-filter.bayes.account.score.spam spam-filter.bayes.auto-learn.threshold.ham
    spam-filter.bayes.auto-learn.threshold.spam spam-filter.bayes.classify.balance spam-filter.bayes.classify.strength
    spam-filter.bayes.score.ham spam-filter.bayes.score.spam
    """.split(),
    "optional duration": """
    spam-filter.trusted-reply.duration
    """.split(),
}

# Lists of cluster nodes since 0.15
NODE_LISTS = """
    cluster.roles.acme.renew cluster.roles.calendar-alerts cluster.roles.fts-indexing cluster.roles.imip-processing
    cluster.roles.merge-threads cluster.roles.metrics.calculate cluster.roles.metrics.push cluster.roles.purge.accounts
    cluster.roles.purge.stores cluster.roles.push-notifications cluster.roles.spam-training
""".split()

# Expressions: the names that may stand in them, and the settings
EXPRESSIONS: list[tuple[frozenset[str], list[str]]] = [
    (
        frozenset(
            """
            asn authenticated_as country disable disabled helo_domain is_tls listener local_ip local_port never none priority protocol rcpt
            rcpt_domain recipients relaxed remote_ip remote_port sender sender_domain strict
            """.split()
        ),
        """
        auth.arc.seal auth.arc.verify auth.dkim.sign auth.dkim.verify auth.dmarc.verify
        """.split(),
    ),
    (
        frozenset(
            """
            asn country disable disabled is_tls listener local_ip local_port never none protocol relaxed remote_ip remote_port strict
            """.split()
        ),
        """
        auth.iprev.verify auth.spf.verify.ehlo auth.spf.verify.mail-from
        """.split(),
    ),
    (
        frozenset(
            """
            headers is_tls listener local_ip local_port method protocol remote_ip remote_port url url_path
            """.split()
        ),
        """
        http.allowed-endpoint http.url
        """.split(),
    ),
    (
        frozenset(
            """
            expires_in last_error last_status local_ip mx notify_num priority queue_age queue_name rcpt rcpt_domain received_from_ip
            received_via_port recipients remote_ip retry_num sender sender_domain size source
            """.split()
        ),
        """
        queue.strategy.connection queue.strategy.tls
        """.split(),
    ),
    (
        frozenset(
            """
            expires_in last_error last_status notify_num priority queue_age queue_name rcpt rcpt_domain received_from_ip received_via_port
            recipients retry_num sender sender_domain size source
            """.split()
        ),
        """
        queue.strategy.route queue.strategy.schedule
        """.split(),
    ),
    (
        frozenset(
            """
            expires_in last_error last_status notify_num priority retry_num sender sender_domain
            """.split()
        ),
        """
        report.dsn.from-address report.dsn.from-name report.dsn.sign
        """.split(),
    ),
    (
        frozenset(
            """
            rcpt_domain
            """.split()
        ),
        """
        report.dmarc.aggregate.contact-info report.dmarc.aggregate.from-address report.dmarc.aggregate.from-name
        report.dmarc.aggregate.max-size report.dmarc.aggregate.org-name report.dmarc.aggregate.sign report.submitter
        report.tls.aggregate.contact-info report.tls.aggregate.from-address report.tls.aggregate.from-name report.tls.aggregate.max-size
        report.tls.aggregate.org-name report.tls.aggregate.sign
        """.split(),
    ),
    (
        frozenset(
            """
            asn country helo_domain is_tls listener local_ip local_port protocol remote_ip remote_port
            """.split()
        ),
        """
        session.auth.directory session.auth.errors.total session.auth.errors.wait session.auth.require
        """.split(),
    ),
    (
        frozenset(
            """
            asn country helo_domain is_tls listener local_ip local_port login oauthbearer plain protocol remote_ip remote_port xoauth2
            """.split()
        ),
        """
        session.auth.mechanisms
        """.split(),
    ),
    (
        frozenset(
            """
            asn authenticated_as country is_tls listener local_ip local_port protocol remote_ip remote_port sender sender_domain
            """.split()
        ),
        """
        report.spf.from-address report.spf.from-name report.spf.send report.spf.sign report.spf.subject session.auth.must-match-sender
        session.extensions.chunking session.extensions.deliver-by session.extensions.dsn session.extensions.expn
        session.extensions.future-release session.extensions.no-soliciting session.extensions.pipelining session.extensions.requiretls
        session.extensions.vrfy session.mail.is-allowed session.mail.rewrite session.mail.script session.rcpt.errors.total
        session.rcpt.errors.wait session.rcpt.max-recipients
        """.split(),
    ),
    (
        frozenset(
            """
            asn country is_tls listener local_ip local_port protocol remote_ip remote_port
            """.split()
        ),
        """
        session.connect.greeting session.connect.hostname session.connect.script session.duration session.ehlo.reject-non-fqdn
        session.ehlo.require session.ehlo.script session.timeout session.transfer-limit
        """.split(),
    ),
    (
        frozenset(
            """
            asn authenticated_as country helo_domain is_tls listener local_ip local_port priority protocol rcpt rcpt_domain recipients remote_ip
            remote_port sender sender_domain
            """.split()
        ),
        """
        report.dkim.from-address report.dkim.from-name report.dkim.send report.dkim.sign report.dkim.subject report.dmarc.from-address
        report.dmarc.from-name report.dmarc.send report.dmarc.sign report.dmarc.subject session.data.add-headers.auth-results
        session.data.add-headers.date session.data.add-headers.message-id session.data.add-headers.received
        session.data.add-headers.received-spf session.data.add-headers.return-path session.data.limits.messages
        session.data.limits.received-headers session.data.limits.size session.data.script session.data.spam-filter session.rcpt.directory
        session.rcpt.relay session.rcpt.rewrite session.rcpt.script sieve.trusted.from-addr sieve.trusted.from-name sieve.trusted.return-path
        sieve.trusted.sign
        """.split(),
    ),
    (
        frozenset(
            """
            asn authenticated_as country is_tls listener local_ip local_port mixer nsep protocol remote_ip remote_port sender sender_domain
            stanag4406
            """.split()
        ),
        """
        session.extensions.mt-priority
        """.split(),
    ),
    (
        frozenset(
            """
            daily day disable expires_in hour hourly last_error last_status local_ip mx never notify_num priority queue_age queue_name rcpt
            rcpt_domain received_from_ip received_via_port recipients remote_ip retry_num sender sender_domain size source week weekly
            """.split()
        ),
        """
        report.tls.aggregate.send
        """.split(),
    ),
    (
        frozenset(
            """
            asn authenticated_as country daily day disable helo_domain hour hourly is_tls listener local_ip local_port never priority protocol rcpt
            rcpt_domain recipients remote_ip remote_port sender sender_domain week weekly
            """.split()
        ),
        """
        report.dmarc.aggregate.send
        """.split(),
    ),
]
