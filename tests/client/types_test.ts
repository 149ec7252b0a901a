import { testUserCode } from "./user_code.ts";

Deno.test(
  "code of users type-checks where it is right, and where it is wrong the compiler says why",
  testUserCode,
);
