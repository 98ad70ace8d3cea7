//! Every engine over every other where one of them is a tensor library: with `conformance`'s own
//! pairs, all 25 of {dual, native-reverse, fd, burn, candle}, to second and third order.

use ad_burn::Burn;
use ad_candle::Candle;
use ad_conformance::pair_suite;
use ad_dual::Dual;
use ad_fd::Fd;
use ad_native_reverse::NativeReverse;

pair_suite!(mod dual_over_burn: Dual::default(), Burn::cpu());
pair_suite!(mod dual_over_candle: Dual::default(), Candle::cpu());
pair_suite!(mod reverse_over_burn: NativeReverse::default(), Burn::cpu());
pair_suite!(mod reverse_over_candle: NativeReverse::default(), Candle::cpu());
pair_suite!(mod fd_over_burn: Fd::default(), Burn::cpu());
pair_suite!(mod fd_over_candle: Fd::default(), Candle::cpu());
pair_suite!(mod burn_over_dual: Burn::cpu(), Dual::default());
pair_suite!(mod burn_over_reverse: Burn::cpu(), NativeReverse::default());
pair_suite!(mod burn_over_fd: Burn::cpu(), Fd::default());
pair_suite!(mod burn_over_burn: Burn::cpu(), Burn::cpu());
pair_suite!(mod burn_over_candle: Burn::cpu(), Candle::cpu());
pair_suite!(mod candle_over_dual: Candle::cpu(), Dual::default());
pair_suite!(mod candle_over_reverse: Candle::cpu(), NativeReverse::default());
pair_suite!(mod candle_over_fd: Candle::cpu(), Fd::default());
pair_suite!(mod candle_over_burn: Candle::cpu(), Burn::cpu());
pair_suite!(mod candle_over_candle: Candle::cpu(), Candle::cpu());
