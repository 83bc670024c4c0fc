/** A packet of SCTP, RFC 9260, for kernels without sockets of it. */

/** CRC-32C, RFC 9260 appendix A: reflected, polynomial 0x1edc6f41. */
function crc32c(bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f6_3b78 : 0);
  }
  return ~crc >>> 0;
}

/** The common header (section 3.1) and an INIT chunk (3.3.2), from port 5000. */
export function sctpInit(destinationPort: number): Buffer {
  const packet = Buffer.alloc(32);
  packet.writeUInt16BE(5000, 0);
  packet.writeUInt16BE(destinationPort, 2);
  packet.writeUInt8(1, 12); // INIT
  packet.writeUInt16BE(20, 14); // the chunk's length
  packet.writeUInt32BE(0x1234_5678, 16); // initiate tag
  packet.writeUInt32BE(65_536, 20); // receiver window credit
  packet.writeUInt16BE(1, 24); // outbound streams
  packet.writeUInt16BE(1, 26); // inbound streams
  packet.writeUInt32BE(1, 28); // initial TSN
  packet.writeUInt32LE(crc32c(packet), 8);
  return packet;
}
