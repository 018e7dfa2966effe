/// The public half of an Ed25519 key (RFC 8032 5.1.5). We make keys, and sign and check nothing: OpenSSH and Dropbear do.
enum Ed25519 {
    /// 32 bytes of 32 random ones.
    static func publicKey(seed: [UInt8]) -> [UInt8] {
        var scalar = Array(SHA512.digest(seed).prefix(32))
        scalar[0] &= 0xf8
        scalar[31] = scalar[31] & 0x7f | 0x40
        return (CurvePoint.base * scalar).encoded
    }
}

/// A point of the curve -x² + y² = 1 + dx²y², in extended coordinates (RFC 8032 5.1.4).
private struct CurvePoint {
    var x, y, z, t: FieldElement

    static let neutral = CurvePoint(x: .zero, y: .one, z: .one, t: .zero)
    static let base: CurvePoint = {
        let x = FieldElement(limbs: [
            0x62d608f25d51a, 0x412a4b4f6592a, 0x75b7171a4b31d, 0x1ff60527118fe, 0x216936d3cd6e5,
        ])
        let y = FieldElement(limbs: [
            0x6666666666658, 0x4cccccccccccc, 0x1999999999999, 0x3333333333333, 0x6666666666666,
        ])
        return CurvePoint(x: x, y: y, z: .one, t: x * y)
    }()
    static let doubleD = FieldElement(limbs: [
        0x69b9426b2f159, 0x35050762add7a, 0x3cf44c0038052, 0x6738cc7407977, 0x2406d9dc56dff,
    ])

    /// For any two points, equal ones too.
    static func + (p: CurvePoint, q: CurvePoint) -> CurvePoint {
        let a = (p.y - p.x) * (q.y - q.x)
        let b = (p.y + p.x) * (q.y + q.x)
        let c = p.t * doubleD * q.t
        let d = (p.z + p.z) * q.z
        let (e, f, g, h) = (b - a, d - c, d + c, b + a)
        return CurvePoint(x: e * f, y: g * h, z: f * g, t: e * h)
    }

    /// A number of 32 bytes, the lowest first. Each bit takes the same steps.
    static func * (p: CurvePoint, scalar: [UInt8]) -> CurvePoint {
        var sum = neutral
        for byte in scalar.reversed() {
            for bit in (0..<8).reversed() {
                sum = sum + sum
                let next = sum + p
                sum = byte >> bit & 1 == 1 ? next : sum
            }
        }
        return sum
    }

    /// y, and in its highest bit whether x is odd.
    var encoded: [UInt8] {
        let inverse = z.inverse
        var bytes = (y * inverse).bytes
        bytes[31] |= (x * inverse).bytes[0] << 7
        return bytes
    }
}

/// A number modulo 2²⁵⁵ - 19, as five limbs of 51 bits, the lowest first; a limb may have a bit more.
private struct FieldElement {
    var limbs: InlineArray<5, UInt64>

    static let zero = FieldElement(limbs: [0, 0, 0, 0, 0])
    static let one = FieldElement(limbs: [1, 0, 0, 0, 0])
    private static let mask: UInt64 = (1 << 51) - 1

    static func + (a: FieldElement, b: FieldElement) -> FieldElement { carried { UInt128(a.limbs[$0] + b.limbs[$0]) } }

    /// Twice the modulus is added, so that nothing falls below 0.
    static func - (a: FieldElement, b: FieldElement) -> FieldElement {
        carried { UInt128(a.limbs[$0] + ($0 == 0 ? mask - 18 : mask) * 4 - b.limbs[$0]) }
    }

    static func * (a: FieldElement, b: FieldElement) -> FieldElement {
        carried { k in
            var sum: UInt128 = 0
            for i in 0..<5 {
                // What is beyond 2²⁵⁵ counts 19 times from 0 on.
                let j = i > k ? k + 5 - i : k - i
                sum &+= UInt128(a.limbs[i]) &* UInt128(b.limbs[j] &* (i > k ? 19 : 1))
            }
            return sum
        }
    }

    /// Each limb's high bits go to the next, those of the highest 19 times to the lowest.
    private static func carried(_ limb: (Int) -> UInt128) -> FieldElement {
        var element = zero
        var carry: UInt128 = 0
        for k in 0..<5 {
            let sum = limb(k) &+ carry
            element.limbs[k] = UInt64(truncatingIfNeeded: sum) & mask
            carry = sum >> 51
        }
        let low = UInt128(element.limbs[0]) &+ carry &* 19
        element.limbs[0] = UInt64(truncatingIfNeeded: low) & mask
        element.limbs[1] += UInt64(truncatingIfNeeded: low >> 51)
        return element
    }

    /// The power of 2²⁵⁵ - 21 (Fermat).
    var inverse: FieldElement {
        var result = FieldElement.one
        for bit in (0..<255).reversed() {
            result = result * result
            if bit != 2, bit != 4 { result = result * self }
        }
        return result
    }

    /// 32 bytes, the lowest first, of the number below the modulus.
    var bytes: [UInt8] {
        var least = Self.carried { UInt128(limbs[$0]) }
        // 19 more carry out of the top exactly where the number is not below the modulus.
        var carry: UInt64 = 19
        for k in 0..<5 { carry = (least.limbs[k] + carry) >> 51 }
        carry *= 19
        for k in 0..<5 {
            let sum = least.limbs[k] + carry
            least.limbs[k] = sum & Self.mask
            carry = sum >> 51
        }
        return (0..<32).map { index in
            let (limb, shift) = (index * 8).quotientAndRemainder(dividingBy: 51)
            let next = limb < 4 && shift > 43 ? least.limbs[limb + 1] << (51 - shift) : 0
            return UInt8(truncatingIfNeeded: least.limbs[limb] >> shift | next)
        }
    }
}
