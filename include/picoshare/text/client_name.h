/* client_name.h — what all addresses of one client have in common.
 *
 * Shares and limits are counted by it: an IPv4 address, or the first 64 bits of an IPv6 address,
 * which is what one subscriber has at least. Pure: no I/O, no allocation. Thread-safe. */
#ifndef PICOSHARE_TEXT_CLIENT_NAME_H
#define PICOSHARE_TEXT_CLIENT_NAME_H

enum { CLIENT_NAME_BYTES = 46 }; /* the longest textual IPv6 address, INET6_ADDRSTRLEN */

/* Of an address without port. What is no address is taken as it is, cut to fit. */
void client_name(const char *address, char ret_name[CLIENT_NAME_BYTES]);

#endif
