import Linux
import Netlink
import OCI
import Plan

/// One network interface of model tc: every frame that it receives leaves by the tap, and the other way round.
///
/// It keeps its MAC and addresses, by which a macvlan or ipvlan knows what is for it. Nothing of what it receives reaches
/// the namespace's own stack, which has the same addresses, so that never answers in the VM's place.
struct RedirectedNIC {
    /// The filters' priority; what shall not be redirected stands before it.
    static let priority: UInt16 = 100
    private typealias Classifier = IngressFilter.Classifier
    let nic: NIC
    let port: String

    /// Throws `Failure.badInput` with the JSON path of what is missing. `index` is the NIC's place in the plan.
    init(_ nic: NIC, at index: Int) throws {
        guard let port = nic.attach.port else {
            throw Failure.badInput("network.nics.\(index).attach.port", "missing")
        }
        self.nic = nic
        self.port = port
    }

    /// The interface, where it is that of the plan: an engine may have given its name to another link since.
    func portLink(_ netlink: NetlinkSocket) throws -> Link? {
        try netlink.link(named: port).flatMap { $0.mac == nic.guestMAC.bytes ? $0 : nil }
    }

    /// Joins the two, or keeps what is there. Records each undo in `journal`.
    func create(_ netlink: NetlinkSocket, _ journal: Journal) throws -> BridgeRecord {
        guard let portLink = try portLink(netlink) else {
            let remedy = "no link \(port) with the MAC \(nic.guestMAC); run runcvm net-plan again"
            throw SystemError("RTM_GETLINK", on: port, .noDevice, remedy: remedy)
        }
        guard let tapLink = try netlink.link(named: nic.tap) else {
            throw SystemError("RTM_GETLINK", on: nic.tap, .noDevice, remedy: "runcvm tap-create comes first")
        }
        let ipv6 = try IPv6Setting(of: nic.tap)
        journal.record { try ipv6?.write(to: nic.tap) }
        try IPv6Setting.turnOff(nic.tap)
        if !tapLink.isUp { journal.record { try netlink.perform(.setDown(tapLink)) } }
        try netlink.perform(.setUp(tapLink))
        // A macvlan leaves out the groups that its namespace has not joined, and knows nothing of the guest's.
        if !portLink.takesAllMulticast { journal.record { try netlink.perform(.setAllMulticast(portLink, false)) } }
        try netlink.perform(.setAllMulticast(portLink, true))
        let classifier = try redirect(from: tapLink, to: portLink, netlink, journal)
        _ = try redirect(from: portLink, to: tapLink, netlink, journal)
        return BridgeRecord(classifier: classifier.rawValue, ports: [port, nic.tap])
    }

    /// By the first classifier that the kernel has.
    private func redirect(from: Link, to: Link, _ netlink: NetlinkSocket, _ journal: Journal) throws -> Classifier {
        let there = try netlink.ingressFilters(of: from).filter { $0.priority == Self.priority }
        if let same = there.first(where: { $0.target == to.index }), let known = Classifier(rawValue: same.kind) {
            return known
        }
        journal.record { try removeFilters(from, netlink) }
        // One to a tap that has gone.
        if !there.isEmpty { try netlink.perform(.deleteFilters(priority: Self.priority, on: from)) }
        do {
            try netlink.perform(.ensureIngress(from))
        } catch let error as SystemError where error.errno == .noEntry {
            throw Failure(.unavailable, "\(port): the kernel has no ingress qdisc; modprobe sch_ingress")
        }
        for classifier in Classifier.allCases {
            do {
                let filter = IngressFilter(classifier, priority: Self.priority, action: .redirect(to: to.index))
                try netlink.perform(.createFilter(filter, on: from))
                return classifier
            } catch let error as SystemError where error.errno == .noEntry {
                continue
            }
        }
        throw Failure(
            .unavailable,
            "\(port): the kernel has no classifier u32 or matchall, or no action mirred; "
                + "modprobe cls_u32 act_mirred")
    }

    /// Undoes `create`, whatever of it was done, by the plan alone.
    func restore(_ netlink: NetlinkSocket, _ errors: inout ErrorCollector) {
        errors.run {
            guard let port = try portLink(netlink) else { return }
            try removeFilters(port, netlink)
            if nic.attach.allMulticast != true { try netlink.perform(.setAllMulticast(port, false)) }
        }
        errors.run {
            guard let tap = try netlink.link(named: nic.tap), tap.kind == "tun" else { return }
            try removeFilters(tap, netlink)
            try netlink.perform(.setDown(tap))
            try IPv6Setting.turnBackOn(nic.tap)
        }
    }

    /// The qdisc goes where it has no other filter.
    private func removeFilters(_ link: Link, _ netlink: NetlinkSocket) throws {
        try netlink.perform(.deleteFilters(priority: Self.priority, on: link))
        if try netlink.ingressFilters(of: link).isEmpty { try netlink.perform(.deleteIngress(link)) }
    }
}
