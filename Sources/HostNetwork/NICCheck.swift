import Linux
import Netlink
import OCI
import Plan

/// What joins one tap to one interface, compared with the plan.
extension NetworkCheck {
    mutating func check(_ wanted: BridgedNIC) throws {
        let nic = wanted.nic
        let bridge = checkBridge(wanted)
        if let port = checkPort(wanted) {
            checkCommon(port, mtu: nic.mtu)
            if let bridge {
                checkMaster(port, bridge)
                checkCleared(port)
            }
        }
        if let tap = checkTap(nic), let bridge { checkMaster(tap, bridge) }
        if let bridge { try checkAlias(nic, bridge) }
    }

    private mutating func checkBridge(_ wanted: BridgedNIC) -> Link? {
        guard let bridge = link(wanted.bridge) else {
            add(wanted.bridge, "missing; runcvm bridge-alias makes it")
            return nil
        }
        guard bridge.kind == "bridge" else {
            add(wanted.bridge, "a link of kind \(bridge.kind), not our bridge; another program has taken the name")
            return nil
        }
        if bridge.address != wanted.bridgeMAC.bytes {
            add(wanted.bridge, "MAC \(text(bridge.mac)), not \(wanted.bridgeMAC); the VM looks for its alias at that")
        }
        checkCommon(bridge, mtu: wanted.nic.mtu)
        if bridge.usesARP {
            add(
                wanted.bridge,
                "speaks ARP for an alias that every VM of the network has; ip link set \(bridge.name) arp off")
        }
        return bridge
    }

    private mutating func checkPort(_ wanted: BridgedNIC) -> Link? {
        guard let port = link(wanted.port) else {
            add(wanted.port, "missing; the engine has taken the network from the container")
            return nil
        }
        if port.address == wanted.nic.guestMAC.bytes {
            add(
                port.name,
                "has the VM's MAC \(wanted.nic.guestMAC), not \(wanted.portMAC); runcvm bridge-alias gives it that")
        } else if port.address != wanted.portMAC.bytes {
            add(port.name, "MAC \(text(port.mac)), not \(wanted.portMAC); another link has got the name")
        }
        return port
    }

    private mutating func checkMaster(_ link: Link, _ bridge: Link) {
        guard link.master != bridge.index else { return }
        let master = links.first { $0.index == link.master }.map { "a port of \($0.name)" } ?? "no port of a bridge"
        add(link.name, "\(master), not one of \(bridge.name); ip link set \(link.name) master \(bridge.name)")
    }

    /// The guest has the addresses now.
    private mutating func checkCleared(_ port: Link) {
        for address in addresses where address.link == port.index {
            guard let prefix = address.prefix, !prefix.address.isLinkLocalIPv6 else { continue }
            add(
                port.name,
                "has the address \(prefix), and answers in the VM's place; ip address delete \(prefix) dev \(port.name)"
            )
        }
    }

    private mutating func checkAlias(_ nic: NIC, _ bridge: Link) throws {
        guard let alias = nic.alias else { return }
        guard has(alias, on: bridge) else {
            add(
                bridge.name,
                "the alias \(alias) is missing, so the namespace does not reach its VM; ip address add \(alias) dev \(bridge.name)"
            )
            return
        }
        for guest in nic.addresses.map(\.address) where !guest.isIPv6 {
            let entry = neighbors.first { $0.link == bridge.index && $0.address == guest.bytes }
            if entry?.mac != nic.guestMAC.bytes {
                add(
                    bridge.name,
                    "no permanent neighbour \(guest) at \(nic.guestMAC), so the namespace does not reach its VM; "
                        + "runcvm bridge-alias makes it")
            }
            try checkRoute(to: guest, by: bridge)
        }
    }

    mutating func check(_ wanted: RedirectedNIC) throws {
        let nic = wanted.nic
        let tap = checkTap(nic)
        guard let port = link(wanted.port) else {
            return add(wanted.port, "missing; the engine has taken the network from the container")
        }
        if port.address != nic.guestMAC.bytes {
            add(
                port.name,
                "MAC \(text(port.mac)), not \(nic.guestMAC); the network's frames for the VM do not come here")
        }
        checkCommon(port, mtu: nic.mtu)
        for address in nic.addresses where !has(address, on: port) {
            add(
                port.name,
                "the address \(address) is missing; an ipvlan knows by it what is for it: "
                    + "ip address add \(address) dev \(port.name)")
        }
        if port.flags & Link.allMulticast == 0 {
            add(
                port.name,
                "not in allmulticast, so it leaves out groups of the VM; ip link set \(port.name) allmulticast on")
        }
        guard let tap else { return }
        for (from, to) in [(port, tap), (tap, port)] {
            let filters = try netlink.ingressFilters(of: from).filter { $0.priority == RedirectedNIC.priority }
            if !filters.contains(where: { $0.target == to.index }) {
                add(
                    from.name,
                    "no filter that redirects to \(to.name) (tc filter show dev \(from.name) ingress); runcvm bridge-alias makes it"
                )
            }
        }
    }

    private func text(_ mac: [UInt8]?) -> String { mac.flatMap(MACAddress.init(bytes:))?.description ?? "none" }
}

/// The way out of name queries, compared with what bridge-alias wrote down.
extension WayOut {
    func differences(_ record: WayOutRecord?, _ check: NetworkCheck, path: String) throws -> [String] {
        guard let record, let bridge = check.link(bridge) else { return [] }
        var found: [String] = []
        let rules = try check.netlink.rules()
        if !policy.allSatisfy(rules.contains) { found.append("a policy rule (ip rule) is missing") }
        for route in routes(bridge) {
            let there = try check.netlink.routes(table: route.table).contains {
                $0.link == route.link && $0.destination == route.destination && $0.gateway == route.gateway
            }
            if !there { found.append("a route is missing (ip route show table \(route.table))") }
        }
        let neighbor = check.neighbors.first { $0.link == bridge.index && $0.address == gateway.bytes }
        if let mac = record.mac, neighbor?.mac != mac.bytes {
            found.append("no permanent neighbour \(gateway) at \(mac) on \(bridge.name)")
        }
        found += try Nft.missing(Self.families, path: path)
        return found.map { "\(nic.port): name queries: \($0), so \(Self.lost); runcvm bridge-alias makes it" }
    }
}

extension DirectWayOut {
    func differences(_ check: NetworkCheck, path: String) throws -> [String] {
        guard let link = check.link(port) else { return [] }
        let there = Set(try check.netlink.ingressFilters(of: link).map(\.priority))
        var found = Self.priorities.filter { !there.contains($0) }.map { "the filters with pref \($0) are missing" }
        found += try Nft.missing(["ip"], path: path)
        return found.map { "\(port): name queries: \($0), so \(WayOut.lost); runcvm bridge-alias makes it" }
    }
}

extension Nft {
    /// A sentence for each family that has no table of ours.
    fileprivate static func missing(_ families: [String], path: String) throws -> [String] {
        guard let nft = Nft(path: path) else { return ["nft: not found in \(path)"] }
        let there = try nft.tables(families)
        return families.filter { !there.contains($0) }.map { "nft's table \($0) \(table) is missing" }
    }
}
