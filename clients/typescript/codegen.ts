import type { CodegenConfig } from '@graphql-codegen/cli'

const config: CodegenConfig = {
  schema: '../../schema/schema.graphql',
  documents: 'src/operations/*.graphql',
  generates: {
    'src/generated.ts': {
      plugins: ['typescript-operations', 'typed-document-node'],
      config: {
        enumType: 'string-literal',
        scalars: {
          DateTime: 'string',
          Decimal: { input: 'string | number', output: 'string' },
          JSON: 'unknown',
          Upload: 'Blob',
        },
        strictScalars: true,
        useTypeImports: true,
      },
    },
  },
}

export default config
