import Glibc
import Linux
import Netlink
import OCI
import Plan

/// The way out for an engine's name queries by an interface of model tc; see `WayOut`.
///
/// The namespace has the VM's address still and can send. Its queries get a source port of `WayOutPorts`, and filters before
/// the redirection let the answers to these ports through to its stack, and a copy of what its ARP asked for.
struct DirectWayOut {
    let nic: RedirectedNIC
    let address: IPAddress
    /// Before `RedirectedNIC.priority`.
    static let priorities: [UInt16] = [arp, answers]
    private static let arp: UInt16 = 52
    private static let answers: UInt16 = 53

    /// nil where the plan needs none, or the way out is another interface's.
    init?(_ plan: NetworkPlan) throws {
        guard plan.dns.hasEmbeddedServer, let (index, _) = WayOut.nic(of: plan.nics) else { return nil }
        let nic = plan.nics[index]
        guard nic.attach.model == .tc, let address = nic.addresses.first(where: { !$0.address.isIPv6 })?.address else {
            return nil
        }
        self.nic = try RedirectedNIC(nic, at: index)
        self.address = address
    }

    var port: String { nic.port }

    /// Makes it, or keeps what is there; a kernel or host that cannot is told to `warn`.
    func create(path: String, _ netlink: NetlinkSocket, _ journal: Journal, warn: (String) -> Void) throws
        -> WayOutRecord?
    {
        guard let nft = Nft(path: path) else {
            warn("nft: not found in \(path); \(WayOut.lost); install nftables")
            return nil
        }
        guard let link = try nic.portLink(netlink), let tap = try netlink.link(named: nic.nic.tap) else { return nil }
        // A VM that runs may be using one that was there.
        let isThere = try netlink.ingressFilters(of: link).contains { Self.priorities.contains($0.priority) }
        if !isThere { journal.record { try delete(path: path, netlink) } }
        do {
            for priority in Self.priorities { try netlink.perform(.deleteFilters(priority: priority, on: link)) }
            for filter in filters(tap) { try netlink.perform(.createFilter(filter, on: link)) }
            try nft.apply(rules)
        } catch {
            warn("\(error); \(WayOut.lost)")
            try delete(path: path, netlink)
            return nil
        }
        return WayOutRecord(address: address, ports: WayOutPorts.text(WayOutPorts.masked))
    }

    /// Undoes `create`, whatever of it was done.
    func delete(path: String, _ netlink: NetlinkSocket) throws {
        var errors = ErrorCollector()
        errors.run {
            guard let link = try nic.portLink(netlink) else { return }
            for priority in Self.priorities { try netlink.perform(.deleteFilters(priority: priority, on: link)) }
        }
        errors.run { try Nft(path: path)?.deleteTables(["ip"]) }
        try errors.finish()
    }

    private func filters(_ tap: Link) -> [IngressFilter] {
        // tc filter add dev PORT ingress pref 52 protocol arp u32 match u16 2 0xffff at 6 action mirred egress mirror dev TAP
        // tc filter add dev PORT ingress pref 53 protocol ip u32 match ip protocol 17 0xff match ip dst ADDRESS
        //     match ip sport 53 0xffff match ip dport 0xf000 0xfe00
        let reply = IngressFilter.Match(offset: 4, mask: 0x0000_ffff, value: 2)
        let copy = IngressFilter(.u32, priority: Self.arp, type: .arp, matches: [reply], action: .copy(to: tap.index))
        let ports = WayOutPorts.masked
        let answers = [IPPROTO_UDP, IPPROTO_TCP].map { transport in
            IngressFilter(
                .u32, priority: Self.answers, type: .ipv4,
                matches: [
                    // An unfragmented header of 20 bytes; then the transport, the destination, the ports.
                    .init(offset: 0, mask: 0x0f00_0000, value: 0x0500_0000),
                    .init(offset: 4, mask: 0x0000_3fff, value: 0),
                    .init(offset: 8, mask: 0x00ff_0000, value: UInt32(transport) << 16),
                    .init(offset: 16, mask: 0xffff_ffff, value: address.bytes.reduce(0) { $0 << 8 | UInt32($1) }),
                    .init(
                        offset: 20, mask: 0xffff_0000 | UInt32(~(ports.upperBound - ports.lowerBound)),
                        value: 53 << 16 | UInt32(ports.lowerBound)),
                ], action: .pass)
        }
        return [copy] + answers
    }

    private var rules: String {
        """
        add table ip \(Nft.table)
        delete table ip \(Nft.table)
        table ip \(Nft.table) {
            chain postrouting {
                type nat hook postrouting priority 100; policy accept;
                oifname "\(nic.port)" ip saddr \(address) meta l4proto { tcp, udp } th dport 53 \
        snat to \(address):\(WayOutPorts.text(WayOutPorts.masked))
            }
        }

        """
    }
}
