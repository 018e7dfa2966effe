import Linux
import Netlink
import OCI
import Plan

/// One network interface of model bridge, with everything that the document must say about it.
struct BridgedNIC {
    let nic: NIC
    let bridge: String
    let bridgeMAC: MACAddress
    let port: String
    let portMAC: MACAddress

    /// Throws `Failure.badInput` with the JSON path of what is missing. `index` is the NIC's place in the plan.
    init(_ nic: NIC, at index: Int) throws {
        func needed<T>(_ value: T?, _ key: String) throws -> T {
            guard let value else { throw Failure.badInput("network.nics.\(index).attach.\(key)", "missing") }
            return value
        }
        self.nic = nic
        bridge = try needed(nic.attach.bridge, "bridge")
        port = try needed(nic.attach.port, "port")
        portMAC = try needed(nic.attach.portMAC, "portMAC")
        bridgeMAC = DerivedMAC.bridge(for: nic.guestMAC)
        if let alias = nic.alias, alias.address.isIPv6 {
            throw Failure.badInput("network.nics.\(index).alias", "\(alias) is not an IPv4 address")
        }
    }

    /// The bridge, where it is ours.
    func bridgeLink(_ netlink: NetlinkSocket) throws -> Link? {
        try netlink.link(named: bridge).flatMap { isOurs($0) ? $0 : nil }
    }

    private func isOurs(_ link: Link) -> Bool { link.kind == "bridge" && link.mac == bridgeMAC.bytes }

    /// The port, where it is that of the plan: an engine may have given its name to another link since.
    func portLink(_ netlink: NetlinkSocket) throws -> Link? {
        try netlink.link(named: port).flatMap { [nic.guestMAC.bytes, portMAC.bytes].contains($0.mac) ? $0 : nil }
    }

    /// Makes the bridge, or keeps what is there. Records each undo in `journal`.
    func create(_ netlink: NetlinkSocket, _ journal: Journal) throws -> BridgeRecord {
        guard let portLink = try portLink(netlink) else {
            let remedy = "no link \(port) with the MAC \(nic.guestMAC); run runcvm net-plan again"
            throw SystemError("RTM_GETLINK", on: port, .noDevice, remedy: remedy)
        }
        guard let tapLink = try netlink.link(named: nic.tap) else {
            throw SystemError("RTM_GETLINK", on: nic.tap, .noDevice, remedy: "runcvm tap-create comes first")
        }
        let bridgeLink = try ensureBridge(netlink, journal)
        try takePort(portLink, into: bridgeLink, netlink, journal)
        try takeTap(tapLink, into: bridgeLink, netlink, journal)
        // Ports joining may have lowered it: a bridge follows the least of them.
        if let now = try netlink.link(named: bridge), now.mtu != nic.mtu {
            try netlink.perform(.setMTU(now, nic.mtu))
        }
        try netlink.perform(.setUp(bridgeLink))
        try addAlias(bridgeLink, tapLink, netlink)
        return BridgeRecord(name: bridge, mac: bridgeMAC, ports: [port, nic.tap], alias: nic.alias)
    }

    private func ensureBridge(_ netlink: NetlinkSocket, _ journal: Journal) throws -> Link {
        if try bridgeLink(netlink) == nil {
            if let other = try netlink.link(named: bridge) {
                let remedy = "a link of kind \(other.kind) has the name, not ours"
                throw SystemError("RTM_NEWLINK", on: bridge, .exists, remedy: remedy)
            }
            journal.record { try deleteBridge(netlink) }
            try netlink.perform(.createBridge(bridge, mac: bridgeMAC.bytes, mtu: nic.mtu))
        }
        guard let link = try bridgeLink(netlink) else { throw SystemError("RTM_GETLINK", on: bridge, .noDevice) }
        // Before it has a port or an address: every container on the network has the same alias, so nothing may ever
        // ask or answer about it on the wire. The switch empties the table of neighbours, so it comes first.
        try netlink.perform(.setARP(link, false))
        try IPv6Setting.turnOff(bridge)
        return link
    }

    private func takePort(_ link: Link, into bridge: Link, _ netlink: NetlinkSocket, _ journal: Journal) throws {
        let before = try PortState(of: link, netlink)
        journal.record {
            var errors = ErrorCollector()
            // Read again: the MAC, the master and the flags have changed since.
            if let now = try portLink(netlink) { before.restore(on: now, netlink, &errors) }
            try errors.finish()
        }
        try PortState.clear(link, netlink)
        try netlink.changeMAC(of: link, to: portMAC.bytes)
        try join(link, to: bridge, netlink)
    }

    private func takeTap(_ link: Link, into bridge: Link, _ netlink: NetlinkSocket, _ journal: Journal) throws {
        let ipv6 = try IPv6Setting(of: link.name)
        let master = try link.master.flatMap { try netlink.link(at: $0) }
        journal.record {
            var errors = ErrorCollector()
            errors.run { try netlink.perform(.setMaster(link, master)) }
            errors.run { try netlink.perform(link.isUp ? .setUp(link) : .setDown(link)) }
            errors.run { try ipv6?.write(to: link.name) }
            try errors.finish()
        }
        try IPv6Setting.turnOff(link.name)
        try join(link, to: bridge, netlink)
        // A guest that speaks with another's MAC must not draw the namespace's frames for that one.
        try netlink.perform(.setLearning(link, false))
    }

    private func join(_ link: Link, to bridge: Link, _ netlink: NetlinkSocket) throws {
        if link.master != bridge.index { try netlink.perform(.setMaster(link, bridge)) }
        try netlink.perform(.setUp(link))
    }

    private func addAlias(_ bridge: Link, _ tap: Link, _ netlink: NetlinkSocket) throws {
        // Without the entry a frame to a guest that has not spoken yet would go out on the wire too.
        try netlink.perform(.ensureForwarding(nic.guestMAC.bytes, port: tap))
        guard let alias = nic.alias else { return }
        var address = alias.linkAddress(on: bridge)
        address.broadcast = nil
        try netlink.perform(.ensureAddress(address, on: bridge))
        for guest in nic.addresses where !guest.address.isIPv6 {
            try netlink.perform(.ensureNeighbor(guest.address.bytes, mac: nic.guestMAC.bytes, on: bridge))
        }
    }

    /// Undoes `create`, whatever of it was done, by the plan alone.
    func restore(_ netlink: NetlinkSocket, _ errors: inout ErrorCollector) {
        errors.run { try deleteBridge(netlink) }
        errors.run {
            guard let tap = try netlink.link(named: nic.tap), tap.kind == "tun" else { return }
            try netlink.perform(.setDown(tap))
            try IPv6Setting.turnBackOn(nic.tap)
        }
        do {
            guard let port = try portLink(netlink) else { return }
            PortState(self, port: port).restore(on: port, netlink, &errors)
        } catch {
            errors.add(error)
        }
    }

    /// The alias, the neighbours and the forwarding entries go with it.
    private func deleteBridge(_ netlink: NetlinkSocket) throws {
        if let link = try bridgeLink(netlink) { try netlink.perform(.deleteLink(link)) }
    }
}
