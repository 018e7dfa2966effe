import Glibc
import Linux
import Netlink
import OCI
import Plan

/// The way out of a container's namespace for its engine's name queries.
///
/// Docker up to 27 (later for `--dns` only) asks other name servers from within the container's namespace, whose address the VM
/// has. So queries leave from the alias by the bridge, under the container's address and a port of `WayOutPorts`, and answers to
/// these ports are taken back from what comes for the VM. Nothing else leaves the namespace, and the bridge, which speaks no ARP,
/// knows the gateway by a permanent neighbour. A network without an address to spare (/30, /31) has no alias: there queries leave
/// from a link-local address of the bridge's, which nobody else sees.
struct WayOut {
    let nic: BridgedNIC
    let gateway: IPAddress
    let address: IPAddress
    /// Where the namespace's own queries come from.
    let source: IPAddress

    static let families = ["ip", "bridge"]
    /// How long the gateway may take to tell its Ethernet address.
    private static let attempts = 100
    private static let pause: UInt32 = 10_000  // microseconds
    static let lost = "external names may not resolve in the VM"

    /// nil where the plan needs none, or has no IPv4 gateway (an internal network, one of IPv6 alone).
    init?(_ plan: NetworkPlan) throws {
        guard plan.dns.hasEmbeddedServer, let (index, gateway) = Self.nic(of: plan.nics), let gateway else {
            return nil
        }
        let nic = plan.nics[index]
        guard nic.attach.model == .bridge, let address = nic.addresses.first(where: { !$0.address.isIPv6 })?.address,
            let source = nic.alias?.address ?? Self.spare(in: plan)
        else { return nil }
        self.nic = try BridgedNIC(nic, at: index)
        self.gateway = gateway
        self.address = address
        self.source = source
    }

    /// The first of 169.254.61.1 to .254 (RFC 3927) that the plan does not name.
    private static func spare(in plan: NetworkPlan) -> IPAddress? {
        let nics = plan.nics
        let named =
            nics.flatMap { $0.addresses.map(\.address) + $0.guestNeighbors.map(\.ip) } + plan.dns.relay
            + nics.flatMap(\.routes).flatMap { [$0.via, $0.destination?.address].compactMap(\.self) }
        let servers = (plan.dns.resolvConf ?? "").split { $0 != "." && !$0.isNumber }.compactMap {
            IPAddress(String($0))
        }
        return (1...254).lazy.compactMap { IPAddress(bytes: [169, 254, 61, $0]) }.first {
            !named.contains($0) && !servers.contains($0)
        }
    }

    /// On the bridge; nil where that is the alias, which is there anyway.
    private func ownAddress(on bridge: Link) -> LinkAddress? {
        nic.nic.alias == nil ? LinkAddress(link: bridge.index, address: source.bytes, prefixLength: 32) : nil
    }

    /// The interface by which external names are asked for, and its gateway: that of the default route, the lowest metric
    /// first; else the first with a gateway.
    static func nic(of nics: [NIC]) -> (index: Int, gateway: IPAddress?)? {
        let all = nics.enumerated().flatMap { index, nic in nic.routes.map { (index: index, route: $0) } }
            .filter { !$0.route.isIPv6 && $0.route.via?.isIPv6 != true }
        let best = all.filter { $0.route.destination == nil }.min { ($0.route.metric ?? 0) < ($1.route.metric ?? 0) }
        return (best ?? all.first { $0.route.via != nil }).map { ($0.index, $0.route.via) }
    }

    var bridge: String { nic.bridge }

    /// The gateway's Ethernet address; must be asked for while the container's interface has its addresses.
    /// nil where it does not answer.
    func findGateway(_ netlink: NetlinkSocket) throws -> [UInt8]? {
        if let known = nic.nic.neighbors?.first(where: { $0.ip == gateway }) { return known.mac.bytes }
        if let bridge = try nic.bridgeLink(netlink), let known = try netlink.mac(of: gateway.bytes, on: bridge) {
            return known
        }
        guard let port = try nic.portLink(netlink), port.master == nil else { return nil }
        for attempt in 0..<Self.attempts {
            if let mac = try netlink.mac(of: gateway.bytes, on: port) { return mac }
            if attempt == 0 { try netlink.perform(.askNeighbor(gateway.bytes, on: port)) }
            usleep(Self.pause)
        }
        return nil
    }

    /// Makes it, or keeps what is there. A part that cannot be had is told to `warn`, and nothing of it stays: names of
    /// containers resolve without it. Records the undo in `journal`.
    func create(
        gatewayMAC: [UInt8]?, path: String, _ netlink: NetlinkSocket, _ journal: Journal, warn: (String) -> Void
    ) throws -> WayOutRecord? {
        guard let gatewayMAC, let mac = MACAddress(bytes: gatewayMAC) else {
            warn("gateway \(gateway) of \(nic.port) does not answer ARP; \(Self.lost)")
            return nil
        }
        guard let nft = Nft(path: path) else {
            warn("nft: not found in \(path); \(Self.lost); install nftables")
            return nil
        }
        guard let bridge = try nic.bridgeLink(netlink) else {
            throw SystemError("RTM_GETLINK", on: nic.bridge, .noDevice)
        }
        // A VM that runs may be using one that was there.
        if try netlink.mac(of: gateway.bytes, on: bridge) == nil { journal.record { try delete(path: path, netlink) } }
        do {
            try nft.apply(rules)
            // ip neighbour replace GATEWAY lladdr MAC dev BRIDGE nud permanent
            try netlink.perform(.ensureNeighbor(gateway.bytes, mac: gatewayMAC, on: bridge))
            // ip address add SOURCE/32 dev BRIDGE
            if let own = ownAddress(on: bridge) { try netlink.perform(.ensureAddress(own, on: bridge)) }
            for route in routes(bridge) { try netlink.ensureRoute(route) }
            for rule in policy { try netlink.perform(.ensureRule(rule)) }
        } catch {
            warn("\(error); \(Self.lost)")
            try delete(path: path, netlink)
            return nil
        }
        return WayOutRecord(gateway: gateway, mac: mac, address: address, ports: WayOutPorts.text)
    }

    /// Undoes `create`, whatever of it was done; what hangs on the bridge goes with it.
    func delete(path: String, _ netlink: NetlinkSocket) throws {
        var errors = ErrorCollector()
        for rule in policy { errors.run { try netlink.perform(.deleteRule(rule)) } }
        errors.run {
            guard let bridge = try nic.bridgeLink(netlink) else { return }
            for route in routes(bridge) { try netlink.perform(.deleteRoute(route)) }
            if let own = ownAddress(on: bridge) { try netlink.perform(.deleteAddress(own, on: bridge)) }
            try netlink.perform(.deleteNeighbor(gateway.bytes, on: bridge))
        }
        errors.run { try Nft(path: path)?.deleteTables(Self.families) }
        try errors.finish()
    }
}
