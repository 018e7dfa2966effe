import Linux

/// A filter of what a link receives, asked before the link's own IP stack (tc(8), linux/pkt_cls.h).
public struct IngressFilter: Hashable, Sendable {
    /// The kernel's classifiers that can take every frame; `u32` can also look into it (tc-matchall(8), tc-u32(8)).
    public enum Classifier: String, CaseIterable, Sendable { case u32, matchall }

    public enum Action: Hashable, Sendable {
        /// Leaves by the link with this index, as if that had sent it.
        case redirect(to: Int32)
        /// Goes to the stack, and a copy leaves by that link.
        case copy(to: Int32)
        /// Goes to the stack.
        case pass
    }

    /// 32 bits of the packet, from its network header on, and what they must be under the mask; u32 only.
    public struct Match: Hashable, Sendable {
        public var offset: Int32
        public var mask: UInt32
        public var value: UInt32

        public init(offset: Int32, mask: UInt32, value: UInt32) {
            self.offset = offset
            self.mask = mask
            self.value = value
        }
    }

    public enum EtherType: UInt16, Sendable {
        case all = 0x0003  // ETH_P_ALL
        case ipv4 = 0x0800  // ETH_P_IP
        case arp = 0x0806  // ETH_P_ARP
    }

    /// What can be told of a filter that is there.
    public struct Summary: Hashable, Sendable {
        public var priority: UInt16
        /// The classifier's name.
        public var kind: String
        /// The link to which a filter of ours redirects or copies.
        public var target: Int32?
    }

    public var classifier: Classifier
    /// The lowest is asked first. All filters of one priority have one protocol and classifier.
    public var priority: UInt16
    public var type: EtherType
    public var matches: [Match]
    public var action: Action

    public init(
        _ classifier: Classifier, priority: UInt16, type: EtherType = .all, matches: [Match] = [], action: Action
    ) {
        self.classifier = classifier
        self.priority = priority
        self.type = type
        self.matches = matches
        self.action = action
    }
}

extension NetlinkSocket {
    /// The filters at the link's ingress, in the order in which they are asked.
    public func ingressFilters(of link: Link) throws -> [IngressFilter.Summary] {
        try DryRun.current.map { try $0.tables(of: self).filters[link.index] ?? [] } ?? readIngressFilters(of: link)
    }

    func readIngressFilters(of link: Link) throws -> [IngressFilter.Summary] {
        // tc filter show dev NAME ingress
        var body = MessageWriter()
        body.putTrafficHeader(link.index, parent: TC_H_INGRESS_FILTERS)
        return try dump("RTM_GETTFILTER", RTM_GETTFILTER, answer: RTM_NEWTFILTER, body: body) {
            try IngressFilter.Summary(parsing: $0)
        }
    }
}

extension NetlinkRequest {
    /// The place of a link's filters, of whatever kind. ENOENT where the kernel has no sch_ingress.
    public static func ensureIngress(_ link: Link) -> NetlinkRequest {
        let index = link.index
        return NetlinkRequest(
            "RTM_NEWQDISC", on: link.name, RTM_NEWQDISC, flags: NLM_F_CREATE | NLM_F_EXCL, accepting: [.exists],
            as: Equivalent(["tc", "qdisc", "add", "dev", link.name, "ingress"]) { $0.filters[index, default: []] += [] }
        ) { $0.putIngress(link) }
    }

    /// Already gone is fine, and so is one of kind clsact: it is somebody else's.
    public static func deleteIngress(_ link: Link) -> NetlinkRequest {
        let index = link.index
        return NetlinkRequest(
            "RTM_DELQDISC", on: link.name, RTM_DELQDISC, accepting: [.noEntry, .invalid, .noDevice],
            as: Equivalent(["tc", "qdisc", "delete", "dev", link.name, "ingress"]) { $0.filters[index] = nil }
        ) { $0.putIngress(link) }
    }

    /// ENOENT where the kernel lacks the classifier or act_mirred.
    public static func createFilter(_ filter: IngressFilter, on link: Link) -> NetlinkRequest {
        let index = link.index
        return NetlinkRequest(
            "RTM_NEWTFILTER", on: "\(link.name) \(filter.classifier.rawValue)", RTM_NEWTFILTER,
            flags: NLM_F_CREATE | NLM_F_EXCL,
            as: Equivalent({ ["tc", "filter", "add", "dev", link.name, "ingress"] + filter.words($0) }) {
                $0.filters[index, default: []].append(filter.summary)
            }
        ) { body in
            body.putTrafficHeader(
                link.index, parent: TC_H_INGRESS_FILTERS,
                info: UInt32(filter.priority) << 16 | UInt32(filter.type.rawValue.bigEndian))
            body.attribute(TCA_KIND, filter.classifier.rawValue)
            body.nest(TCA_OPTIONS) { options in
                switch filter.classifier {
                case .matchall: options.putAction(filter.action, TCA_MATCHALL_ACT)
                case .u32:
                    options.putSelector(filter.matches)
                    options.putAction(filter.action, TCA_U32_ACT)
                }
            }
        }
    }

    /// All of a priority; already gone is fine.
    public static func deleteFilters(priority: UInt16, on link: Link) -> NetlinkRequest {
        let index = link.index
        return NetlinkRequest(
            "RTM_DELTFILTER", on: link.name, RTM_DELTFILTER, accepting: [.noEntry, .invalid, .noDevice],
            as: Equivalent(["tc", "filter", "delete", "dev", link.name, "ingress", "pref", "\(priority)"]) {
                $0.filters[index]?.removeAll { $0.priority == priority }
            }
        ) { $0.putTrafficHeader(link.index, parent: TC_H_INGRESS_FILTERS, info: UInt32(priority) << 16) }
    }
}

extension IngressFilter {
    /// As tc(8) takes it, after the link.
    fileprivate func words(_ tables: NetworkTables) -> [String] {
        let name =
            switch type {
            case .all: "all"
            case .ipv4: "ip"
            case .arp: "arp"
            }
        func hex(_ word: UInt32) -> String { "0x" + String(word, radix: 16) }
        var words = ["pref", "\(priority)", "protocol", name, classifier.rawValue]
        if classifier == .u32 {
            let all = matches.isEmpty ? [Match(offset: 0, mask: 0, value: 0)] : matches
            words += all.flatMap { ["match", "u32", hex($0.value), hex($0.mask), "at", "\($0.offset)"] }
        }
        switch action {
        case .redirect(let link): words += ["action", "mirred", "egress", "redirect", "dev", tables.name(of: link)]
        case .copy(let link): words += ["action", "mirred", "egress", "mirror", "dev", tables.name(of: link), "pass"]
        case .pass: words += ["flowid", ":1"]
        }
        return words
    }

    fileprivate var summary: Summary {
        switch action {
        case .redirect(let link), .copy(let link):
            Summary(priority: priority, kind: classifier.rawValue, target: link)
        case .pass: Summary(priority: priority, kind: classifier.rawValue, target: nil)
        }
    }
}

extension IngressFilter.Summary {
    /// The payload of an RTM_NEWTFILTER; nil for what is no filter: a priority's own entry, a table of u32's.
    /// Throws EBADMSG.
    init?(parsing payload: ArraySlice<UInt8>) throws {
        var reader = MessageReader(payload, subject: "RTM_NEWTFILTER")
        _ = try reader.take(16)
        let info: UInt32 = try reader.read()
        let attributes = try reader.attributes()
        guard let kind = attributes.text(TCA_KIND), let options = try attributes.nested(TCA_OPTIONS) else { return nil }
        let isU32 = kind == IngressFilter.Classifier.u32.rawValue
        if isU32, options.bytes(TCA_U32_SEL) == nil { return nil }
        let action = try options.nested(isU32 ? TCA_U32_ACT : TCA_MATCHALL_ACT)?.nested(1)
        var mirred = try action?.nested(TCA_ACT_OPTIONS)?.reader(TCA_MIRRED_PARMS)
        _ = try mirred?.take(24)  // struct tc_mirred up to its ifindex
        self.init(priority: UInt16(info >> 16), kind: kind, target: try mirred?.read())
    }
}

extension MessageWriter {
    /// struct tcmsg.
    fileprivate mutating func putTrafficHeader(_ link: Int32, handle: UInt32 = 0, parent: UInt32, info: UInt32 = 0) {
        put(UInt32(0))  // tcm_family
        put(link)
        put(handle)
        put(parent)
        put(info)
    }

    fileprivate mutating func putIngress(_ link: Link) {
        putTrafficHeader(link.index, handle: TC_H_INGRESS & 0xffff_0000, parent: TC_H_INGRESS)
        attribute(TCA_KIND, "ingress")
    }

    /// struct tc_u32_sel and its keys, in network order. One that has no match would match nothing.
    fileprivate mutating func putSelector(_ matches: [IngressFilter.Match]) {
        let matches = matches.isEmpty ? [IngressFilter.Match(offset: 0, mask: 0, value: 0)] : matches
        var selector = MessageWriter()
        selector.put(TC_U32_TERMINAL)
        selector.put(UInt8(0))  // offshift
        selector.put(UInt8(matches.count))
        selector.put(UInt8(0))
        selector.put(UInt64(0))  // offmask, off, offoff, hoff
        selector.put(UInt32(0))  // hmask
        for match in matches {
            selector.put(match.mask.bigEndian)
            selector.put(match.value.bigEndian)
            selector.put(match.offset)
            selector.put(Int32(0))  // offmask
        }
        attribute(TCA_U32_SEL, selector.bytes)
    }

    /// The only action of a filter; none is needed to pass.
    fileprivate mutating func putAction(_ action: IngressFilter.Action, _ type: UInt16) {
        let (target, verdict, how): (Int32, UInt32, UInt32)
        switch action {
        case .pass: return
        case .redirect(let link): (target, verdict, how) = (link, TC_ACT_STOLEN, TCA_EGRESS_REDIR)
        case .copy(let link): (target, verdict, how) = (link, TC_ACT_OK, TCA_EGRESS_MIRROR)
        }
        nest(type) { actions in
            actions.nest(1) { first in
                first.attribute(TCA_ACT_KIND, "mirred")
                first.nest(TCA_ACT_OPTIONS) { options in
                    var mirred = MessageWriter()  // struct tc_mirred
                    mirred.put(UInt64(0))  // index, capab
                    mirred.put(verdict)
                    mirred.put(UInt64(0))  // refcnt, bindcnt
                    mirred.put(how)
                    mirred.put(target)
                    options.attribute(TCA_MIRRED_PARMS, mirred.bytes)
                }
            }
        }
    }
}
