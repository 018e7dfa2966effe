import Linux

/// A rule that sends packets with a source prefix, or to a port, to a routing table (linux/fib_rules.h; ip-rule(8)).
public struct PolicyRule: Hashable, Sendable {
    public var isIPv6: Bool
    /// 4 or 16 bytes; empty for any source.
    public var source: [UInt8]
    public var prefixLength: UInt8
    public var table: UInt32
    public var priority: UInt32
    /// IPPROTO_TCP, IPPROTO_UDP; nil for any.
    public var transport: UInt8?
    public var destinationPort: UInt16?

    public init(
        isIPv6: Bool, source: [UInt8] = [], prefixLength: UInt8 = 0, table: UInt32, priority: UInt32,
        transport: UInt8? = nil, destinationPort: UInt16? = nil
    ) {
        self.isIPv6 = isIPv6
        self.source = source
        self.prefixLength = prefixLength
        self.table = table
        self.priority = priority
        self.transport = transport
        self.destinationPort = destinationPort
    }

    /// The payload of an RTM_NEWRULE; nil for a rule that does anything but look into a table. Throws EBADMSG.
    init?(parsing payload: ArraySlice<UInt8>) throws {
        var reader = MessageReader(payload, subject: "RTM_NEWRULE")
        let family: UInt8 = try reader.read()
        _ = try reader.read(UInt8.self)  // dst_len
        let length: UInt8 = try reader.read()
        _ = try reader.read(UInt8.self)  // tos
        let shortTable: UInt8 = try reader.read()
        _ = try reader.read(UInt16.self)
        let action: UInt8 = try reader.read()
        _ = try reader.read(UInt32.self)  // flags
        let attributes = try reader.attributes()
        guard addressLength(family) > 0, action == FR_ACT_TO_TBL else { return nil }
        self.init(
            isIPv6: family == AF_INET6_, source: try attributes.address(FRA_SRC, family: family) ?? [],
            prefixLength: length, table: try attributes.integer(FRA_TABLE) ?? UInt32(shortTable),
            priority: try attributes.integer(FRA_PRIORITY) ?? 0, transport: try attributes.integer(FRA_IP_PROTO),
            // struct fib_rule_port_range begins with the first port.
            destinationPort: try attributes.integer(FRA_DPORT_RANGE))
    }
}

extension NetlinkSocket {
    /// The rules of IPv4 and then IPv6, in the order in which the kernel asks them.
    public func rules() throws -> [PolicyRule] { try DryRun.current?.tables(of: self).rules ?? readRules() }

    func readRules() throws -> [PolicyRule] {
        try [AF_INET_, AF_INET6_].flatMap { family in
            // ip -4 rule show; ip -6 rule show
            var body = MessageWriter()
            body.putRuleHeader(family: family, length: 0, table: 0, action: 0)
            return try dump("RTM_GETRULE", RTM_GETRULE, answer: RTM_NEWRULE, body: body) { payload in
                payload.first == family ? try PolicyRule(parsing: payload) : nil
            }
        }
    }
}

extension NetlinkRequest {
    /// EEXIST where it is there.
    public static func createRule(_ rule: PolicyRule) -> NetlinkRequest {
        NetlinkRequest(
            "RTM_NEWRULE", on: rule.subject, RTM_NEWRULE, flags: NLM_F_CREATE | NLM_F_EXCL,
            as: Equivalent(rule.words("add")) { if !$0.rules.contains(rule) { $0.rules.append(rule) } }
        ) { $0.putRule(rule) }
    }

    public static func ensureRule(_ rule: PolicyRule) -> NetlinkRequest { createRule(rule).accepting(.exists) }

    /// Already gone is fine.
    public static func deleteRule(_ rule: PolicyRule) -> NetlinkRequest {
        NetlinkRequest(
            "RTM_DELRULE", on: rule.subject, RTM_DELRULE, accepting: [.noEntry],
            as: Equivalent(rule.words("delete")) { $0.rules.removeAll { $0 == rule } }
        ) { $0.putRule(rule) }
    }
}

extension PolicyRule {
    var subject: String {
        "from \(source.isEmpty ? "all" : "\(text(source))/\(prefixLength)") lookup \(table)"
    }

    fileprivate func words(_ verb: String) -> [String] {
        ["ip", isIPv6 ? "-6" : "-4", "rule", verb]
            + (source.isEmpty ? [] : ["from", "\(text(source))/\(prefixLength)"])
            + (transport.map { ["ipproto", "\($0)"] } ?? []) + (destinationPort.map { ["dport", "\($0)"] } ?? [])
            + ["lookup", "\(table)", "priority", "\(priority)"]
    }
}

extension MessageWriter {
    fileprivate mutating func putRule(_ rule: PolicyRule) {
        putRuleHeader(
            family: rule.isIPv6 ? AF_INET6_ : AF_INET_, length: rule.prefixLength,
            table: UInt8(exactly: rule.table) ?? RT_TABLE_UNSPEC, action: FR_ACT_TO_TBL)
        if !rule.source.isEmpty { attribute(FRA_SRC, rule.source) }
        attribute(FRA_PRIORITY, rule.priority)
        attribute(FRA_TABLE, rule.table)
        if let transport = rule.transport { attribute(FRA_IP_PROTO, [transport]) }
        if let port = rule.destinationPort { attribute(FRA_DPORT_RANGE, UInt32(port) << 16 | UInt32(port)) }
    }

    /// struct fib_rule_hdr.
    fileprivate mutating func putRuleHeader(family: UInt8, length: UInt8, table: UInt8, action: UInt8) {
        put(family)
        put(UInt8(0))  // dst_len
        put(length)
        put(UInt8(0))  // tos
        put(table)
        put(UInt16(0))
        put(action)
        put(UInt32(0))  // flags
    }
}
