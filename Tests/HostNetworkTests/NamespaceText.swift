import Linux
import Netlink
import Testing

/// Runs a script by sh(1) in the calling thread's namespace; it must succeed and say nothing on stderr.
@discardableResult
func sh(_ script: String, sourceLocation: SourceLocation = #_sourceLocation) throws -> String {
    let path = "PATH=/usr/sbin:/usr/bin:/sbin:/bin"
    let outcome = try ChildProcess("/bin/sh", ["-euc", script], environment: [path]).run()
    #expect(
        outcome.status == 0 && outcome.errors.isEmpty, "\(script)\n\(outcome.errors)", sourceLocation: sourceLocation)
    return String(decoding: outcome.output, as: UTF8.self)
}

/// The calling thread's namespace as the user's own tools see it, without what chance and time decide: a tap's MAC,
/// carriers, the end of duplicate address detection (and the routes that then come), counters.
func namespaceText() throws -> String {
    try sh(
        #"""
        ip -j -d link | jq -cS '.[] | {ifname, mtu, master, group,
            address: (if .linkinfo.info_kind == "tun" then null else .address end),
            flags: (.flags - ["LOWER_UP", "NO-CARRIER"] | sort), kind: .linkinfo.info_kind,
            learning: .linkinfo.info_slave_data.learning, data: ((.linkinfo.info_data // {}) | with_entries(select(.key | IN("forward_delay", "stp_state",
                "mcast_snooping", "vlan_filtering", "type", "pi", "vnet_hdr", "persist", "user"))))}'
        ip -j address | jq -cS '.[] | {ifname, addresses: [.addr_info[] | del(.tentative)]}'
        ip -4 route show table all | sed 's/ linkdown//' | sort
        ip -6 route show table all | sed 's/ linkdown//; /fe80:/d' | sort
        ip -4 neighbour show nud permanent | sort; ip -6 neighbour show nud permanent | sort
        bridge fdb show | grep static | sort || true
        ip -4 rule; ip -6 rule
        nft -s list ruleset 2>/dev/null; (iptables-nft-save; iptables-legacy-save) 2>/dev/null | grep -v '^#' | sed 's/\[.*\]//' || true
        cd /proc/sys/net; grep -s . ipv4/ip_forward ipv6/conf/*/disable_ipv6 ipv6/conf/*/addr_gen_mode \
            ipv4/conf/*/forwarding ipv4/conf/*/route_localnet
        """#)
}

/// Expects two texts to be equal, and shows the lines in which they differ.
func expectSame(_ text: String, as wanted: String, _ what: String, sourceLocation: SourceLocation = #_sourceLocation) {
    func lines(_ text: String) -> [Substring] { text.split(separator: "\n") }
    let extra = lines(text).filter { !lines(wanted).contains($0) }
    let missing = lines(wanted).filter { !lines(text).contains($0) }
    #expect(
        text == wanted, "\(what): there is \(extra.joined(separator: "\n")), not \(missing.joined(separator: "\n"))",
        sourceLocation: sourceLocation)
}

/// Dry runs of these steps change nothing of what `text` tells, and what they print, run by sh, makes it the wanted one.
func expectDryRuns(
    of steps: [() throws -> Void], make wanted: [String], _ text: () throws -> String,
    sourceLocation: SourceLocation = #_sourceLocation
) throws {
    for (index, step) in steps.enumerated() {
        let before = try text()
        let dry = DryRun()
        try dry.run(step)
        expectSame(try text(), as: before, "step \(index) --dry-run", sourceLocation: sourceLocation)
        try sh(dry.commands.joined(separator: "\n"), sourceLocation: sourceLocation)
        expectSame(try text(), as: wanted[index], "step \(index)", sourceLocation: sourceLocation)
    }
}
